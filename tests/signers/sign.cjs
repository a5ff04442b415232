// Signs links with the EdgeAuth library published for Node, an implementation not ours.
//
// Reads a JSON array of cases on stdin and prints a JSON array of the same length: a token for
// each case, or {"error": text} where the library refuses it. The keys of a case are described in
// tests/vectors/README.md; an unknown key is an error, so that a misspelt option cannot go
// unnoticed.
//
// Needs the packages of package-lock.json; $COUNTERSIGN_TEST_NODE_MODULES says where they are.
'use strict'

// The library still calls `new Buffer`, which Node warns about on every run.
process.noDeprecation = true

const fs = require('fs')
const path = require('path')

const modules = process.env.COUNTERSIGN_TEST_NODE_MODULES
if (!modules) {
  console.error('COUNTERSIGN_TEST_NODE_MODULES is not set: run the tests by tests/run')
  process.exit(2)
}
const EdgeAuth = require(path.resolve(modules, 'akamai-edgeauth'))

// What a case calls an option -> what the library calls it.
const OPTIONS = {
  key: 'key',
  algorithm: 'algorithm',
  start: 'startTime',
  end: 'endTime',
  window: 'windowSeconds',
  ip: 'ip',
  id: 'sessionId',
  data: 'payload',
  salt: 'salt',
  field_delimiter: 'fieldDelimiter',
  acl_delimiter: 'aclDelimiter',
  escape_early: 'escapeEarly',
  token_name: 'tokenName',
}
const SCOPES = ['acl', 'acls', 'url']

// The token for one case.
function sign(options) {
  const unknown = Object.keys(options).filter((name) => !(name in OPTIONS) && !SCOPES.includes(name))
  if (unknown.length > 0) {
    throw new Error(`unknown options: ${unknown.sort().join(', ')}`)
  }
  const scopes = SCOPES.filter((scope) => scope in options)
  if (scopes.length !== 1) {
    throw new Error('exactly one of acl, acls and url is needed')
  }
  const given = Object.entries(options).filter(([name]) => name in OPTIONS)
  const signer = new EdgeAuth(Object.fromEntries(given.map(([name, value]) => [OPTIONS[name], value])))
  const [scope] = scopes
  return scope === 'url' ? signer.generateURLToken(options.url) : signer.generateACLToken(options[scope])
}

const answers = JSON.parse(fs.readFileSync(0, 'utf8')).map((options) => {
  try {
    return sign(options)
  } catch (refusal) {
    return { error: refusal.message }
  }
})
process.stdout.write(JSON.stringify(answers) + '\n')
