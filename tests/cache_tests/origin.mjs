// The HTTP cache test suite's own server on a free port, whose URL is the first line it prints.

import http from 'node:http'
import path from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const suite = path.join(process.env.COUNTERSIGN_TEST_CACHE_TESTS, 'http-cache-tests')
const load = async name => (await import(pathToFileURL(path.join(suite, 'server', name)))).default
const handlers = {
  config: await load('handle-config.mjs'),
  state: await load('handle-state.mjs'),
  test: await load('handle-test.mjs')
}

// As the suite's server.mjs dispatches, which listens on a fixed port and serves its own files.
const server = http.createServer((request, response) => {
  const segments = new URL(request.url, 'http://localhost').pathname.split('/').slice(1)
  const handle = handlers[segments.shift()]
  if (handle) {
    handle(segments, request, response)
  } else {
    response.writeHead(404).end()
  }
})
// A connection that the suite lets stand idle is not to close under a request.
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
