// Runs the HTTP cache test suite (npm http-cache-tests) against an edge, and compares each result
// with what is expected of it.
//
//   node run.mjs EDGE ORIGIN EXPECTED [--write]
//
// EDGE is the base URL of an edge that routes /test/ to ORIGIN, the suite's own server. The suite
// configures that server and reads its state with methods that the edge does not take; those two
// calls go to ORIGIN directly. The suite itself is not changed.

import fs from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [edge, origin, expectedFile, write] = process.argv.slice(2)
const modules = process.env.COUNTERSIGN_TEST_CACHE_TESTS
const suite = path.join(modules, 'http-cache-tests')
const load = file => import(pathToFileURL(path.join(suite, file)))

const fetch = createRequire(path.join(suite, 'cli.mjs'))('node-fetch')
const { runTests, getResults } = await load('client/runner.mjs')
const { makeCacheTest } = await load('client/test.mjs')
const tests = (await load('tests/index.mjs')).default
tests.push((await load('tests/surrogate-control.mjs')).default)

const viaEdge = new URL(edge)
const ownServer = new URL(origin)
function routed (url, init) {
  const target = new URL(url)
  if (/^\/(config|state)\//.test(target.pathname)) {
    target.host = ownServer.host
  } else {
    target.host = viaEdge.host
  }
  return fetch(target.href, init)
}

// Tests in which the origin hangs up come last and by themselves: an edge leaves an origin alone
// that does so several times in a row.
const isStale = group => group.id === 'stale'
const ordered = [...tests.filter(group => !isStale(group)), ...tests.filter(isStale)]
const atOnce = ordered.filter(group => !isStale(group))
  .flatMap(group => group.tests).filter(test => test.browser_only !== true).length
await runTests(ordered, routed, false, edge, atOnce)

// As the suite's own page judges, without regard to what a test depends on: `lib/display.mjs`
// needs a browser.
function judge (test, result) {
  if (result === true) return test.kind === 'check' ? 'yes' : 'pass'
  if (result[0] === 'Setup') return 'setup'
  if (result[0] !== 'Assertion') return 'harness'
  if (test.kind === 'check') return 'no'
  return test.kind === 'optimal' ? 'optional' : 'FAIL'
}

const expected = new Map(
  fs.readFileSync(expectedFile, 'utf8').trim().split('\n').map(line => line.split(' '))
)

// The suite goes by the clock on the wall: where the machine pauses, an answer is old before it is
// asked for again, and what a test presupposes is not so. Such a one is run once more, alone. A test
// that ran and came out differently is not.
for (const test of ordered.flatMap(group => group.tests)) {
  if (test.browser_only === true) continue
  const verdict = judge(test, getResults()[test.id])
  const unmet = verdict === 'setup' || verdict === 'harness'
  if (unmet && expected.get(test.id) !== verdict) {
    console.log(`${test.id}: ${verdict}; once more`)
    await makeCacheTest(test)
  }
}
const results = getResults()

const lines = []
const counts = {}
for (const group of tests) {
  for (const test of group.tests) {
    if (test.browser_only === true) continue
    const verdict = judge(test, results[test.id])
    counts[verdict] = (counts[verdict] || 0) + 1
    lines.push({ id: test.id, verdict, why: results[test.id] === true ? '' : results[test.id][1] })
  }
}
const passed = (counts.pass || 0) + (counts.yes || 0)
console.log(`${lines.length} tests, ${passed} passed: ${JSON.stringify(counts)}`)

const text = lines.map(line => `${line.id} ${line.verdict}\n`).join('')
if (write === '--write') {
  fs.writeFileSync(expectedFile, text)
}
if (process.env.COUNTERSIGN_TEST_VERBOSE) {
  for (const line of lines) console.log(line.id, line.verdict, line.why)
}
let changed = 0
for (const { id, verdict, why } of lines) {
  if (expected.get(id) !== verdict) {
    changed += 1
    console.log(`${id}: expected ${expected.get(id)}, got ${verdict} ${why}`)
  }
}
for (const id of expected.keys()) {
  if (!lines.some(line => line.id === id)) {
    changed += 1
    console.log(`${id}: expected, and not run`)
  }
}
process.exit(changed === 0 ? 0 : 1)
