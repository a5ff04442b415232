// Uploads a file by tus, with the protocol's own client, and goes on whatever breaks off. Arguments: where
// uploads are begun, a bearer token, the file, its metadata as JSON, bytes of a request.
// Prints `accepted N` for each request that was answered, and at the end `url` and where it is.
const fs = require('node:fs')
const tus = require('tus-js-client')

const [endpoint, token, file, metadata, chunkSize] = process.argv.slice(2)

const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  uploadSize: fs.statSync(file).size,
  chunkSize: Number(chunkSize),
  headers: { Authorization: `Bearer ${token}` },
  metadata: JSON.parse(metadata),
  // The program that is killed is back within seconds.
  retryDelays: Array(200).fill(50),
  onChunkComplete: (_, accepted) => console.log('accepted', accepted),
  onError: error => {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: () => console.log('url', upload.url)
})
upload.start()
