// What somebody does who was given the address of a share: is let in by its password and terms, looks,
// plays and saves. On a wide window and on a phone, in the light and in the dark, without scripts, and by
// keyboard; and every page is looked at. What is needed comes as JSON on standard input: chromium, base,
// shots, password, and the addresses of shares. Ends with 0 if all was as it must be.
const fs = require('node:fs')
const path = require('node:path')
const assert = require('node:assert')
const { open, inspect, tabTo, follow, run } = require('./browser.cjs')

const told = JSON.parse(fs.readFileSync(0, 'utf8'))
const { base, shots, shares } = told

let underWay = ''

// Keeps what is seen, in the light and in the dark.
const keep = async (page, name) => {
  const size = page.viewportSize().width < 600 ? 'narrow' : 'wide'
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.screenshot({ path: path.join(shots, `${underWay}-${name}-${size}-${colorScheme}.png`), fullPage: true })
  }
}

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor()

// Past the gate of the share that has one.
const enter = async page => {
  await page.goto(shares.gated)
  await heading(page, 'This share is protected')
  assert.equal(await page.getByText('Spring campaign').count(), 0)
  await keep(page, 'gate')
  await page.getByLabel('Password').fill('not this one')
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByRole('alert').getByText('That is not the password').waitFor()
  await keep(page, 'wrong-password')
  await page.getByLabel('Password').fill(told.password)
  await page.getByRole('button', { name: 'Open' }).click()
  await heading(page, 'Terms and conditions')
  assert.equal(await page.getByText('Spring campaign').count(), 0)
  await page.getByText('For editorial use only.').waitFor()
  await keep(page, 'terms')
  await page.getByRole('button', { name: 'Accept and continue' }).click()
  await heading(page, 'Spring campaign')
}

// What a browser saves when that is pressed: a name comes again.
let count = 0
const saved = async (page, press) => {
  const [download] = await Promise.all([page.waitForEvent('download'), press()])
  const file = path.join(told.saved, `${underWay}-${count++}-${download.suggestedFilename()}`)
  await download.saveAs(file)
  console.log(`saved: ${file}`)
}

const fits = async page => {
  const beyond = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.equal(beyond, 0)
}

// Every picture of the page was loaded.
const pictures = async page => {
  for (const picture of await page.locator('img').all()) {
    await picture.scrollIntoViewIfNeeded()
    await picture.evaluate(it => it.decode())
  }
  await page.evaluate(() => scrollTo(0, 0))
}

const visit = async (browser, options) => {
  const { context, page, faults } = await open(browser, base, { acceptDownloads: true, ...options })
  await enter(page)
  await page.getByText('3 items').waitFor()
  await page.getByText('Available until').waitFor()
  await pictures(page)
  await fits(page)
  await keep(page, 'gallery')
  // What plays is there, and what is said in it.
  await page.getByRole('link', { name: /Harbour at dawn/ }).click()
  await heading(page, 'Harbour at dawn')
  await page.locator('video').waitFor()
  await fits(page)
  await keep(page, 'film')
  await page.getByRole('link', { name: 'All items' }).click()
  await page.getByRole('link', { name: /Lighthouse/ }).click()
  await pictures(page)
  await fits(page)
  await keep(page, 'picture')
  await saved(page, () => page.getByRole('button', { name: 'Download Original' }).click())
  await page.getByRole('link', { name: 'All items' }).click()
  await page.getByLabel('Select Harbour at dawn').check()
  await page.getByLabel('Select Price list').check()
  await page.getByLabel('Originals').check()
  await keep(page, 'selected')
  await saved(page, () => page.getByRole('button', { name: 'Download selected' }).click())
  await saved(page, () => page.getByRole('button', { name: 'Download all' }).click())
  // Who was let in comes back without being asked.
  await page.goto(shares.gated)
  await heading(page, 'Spring campaign')
  assert.deepEqual(faults, [])
  await context.close()
}

const walks = {
  wide: browser => visit(browser, {}),
  narrow: browser => visit(browser, { viewport: { width: 360, height: 740 } }),
  'no scripts': browser => visit(browser, { javaScriptEnabled: false }),
  scripts: async browser => {
    const { context, page, faults } = await open(browser, base)
    await page.goto(shares.open)
    await heading(page, 'For everybody')
    const selected = page.getByRole('button', { name: 'Download selected' })
    assert.equal(await selected.isDisabled(), true)
    await page.getByLabel('Select all on this page').check()
    assert.equal(await selected.isEnabled(), true)
    assert.equal(await page.getByLabel('Select Lighthouse').isChecked(), true)
    await page.getByLabel('Select Lighthouse').uncheck()
    assert.equal(await page.getByLabel('Select all on this page').isChecked(), false)
    // A film plays, and is gone about in.
    await page.getByRole('link', { name: /Harbour at dawn/ }).click()
    const seen = await page.locator('video').evaluate(async video => {
      const until = name => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true })
        video.addEventListener('error', () => reject(video.error), { once: true })
      })
      if (video.readyState < 1) await until('loadedmetadata')
      video.currentTime = video.duration / 2
      await until('seeked')
      return { at: video.currentTime > 0, wide: video.videoWidth, texts: video.textTracks.length }
    })
    assert.equal(seen.at, true)
    assert.ok(seen.wide > 0)
    assert.equal(seen.texts, 1)
    // Days are written as the reader writes them.
    await page.goto(shares.open)
    assert.match(await page.locator('time').innerText(), /^Available until [A-Z][a-z]+ \d+, \d{4}$/)
    assert.deepEqual(faults, [])
    await context.close()
  },
  kinds: async browser => {
    const { context, page, faults } = await open(browser, base, { acceptDownloads: true })
    await page.goto(shares.kinds)
    // A thing turns by keys, and by dragging it.
    await page.getByRole('link', { name: /Teapot/ }).click()
    await heading(page, 'Teapot')
    await page.waitForLoadState()
    const ring = page.getByRole('slider', { name: 'Teapot' })
    const at = async () => Number(await ring.getAttribute('aria-valuenow'))
    const seen = () => ring.locator('img:visible').count()
    assert.deepEqual([await at(), await seen()], [1, 1])
    await ring.focus()
    await page.keyboard.press('ArrowRight')
    assert.deepEqual([await at(), await seen()], [2, 1])
    await page.keyboard.press('End')
    assert.equal(await at(), 3)
    await page.keyboard.press('ArrowRight')
    assert.equal(await at(), 1)
    const box = await ring.boundingBox()
    const middle = box.y + box.height / 2
    await page.mouse.move(box.x + box.width / 3, middle)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 2 / 3, middle, { steps: 5 })
    await page.mouse.up()
    assert.equal(await at(), 2)
    await keep(page, 'ring')
    await saved(page, () => page.getByRole('button', { name: 'Download all 3 views' }).click())
    // The next one, by its link: a list that plays on.
    await page.getByRole('link', { name: 'Next' }).click()
    await heading(page, 'Show reel')
    const went = await page.locator('video').evaluateAll(async ([first, second]) => {
      const on = new Promise(resolve => second.addEventListener('play', resolve, { once: true }))
      for (const video of [first, second]) video.muted = true
      await first.play()
      first.currentTime = first.duration
      await on
      return { first: first.paused, second: second.paused }
    })
    assert.deepEqual(went, { first: true, second: false })
    await keep(page, 'list')
    // The next one, by a key: a document, which the browser itself shows.
    await page.keyboard.press('ArrowRight')
    await heading(page, 'Price list')
    await page.waitForFunction(() => document.querySelector('iframe').src.includes('/source'))
    const shows = () => page.frames().some(it => it.url().startsWith('chrome-extension://'))
    for (let turns = 0; !shows() && turns < 200; turns++) await page.waitForTimeout(50)
    assert.equal(shows(), true)
    await keep(page, 'document-shown')
    await page.keyboard.press('ArrowLeft')
    await heading(page, 'Show reel')
    assert.deepEqual(faults, [])
    await context.close()
  },
  'a format of their own': async browser => {
    for (const options of [{}, { viewport: { width: 360, height: 740 }, javaScriptEnabled: false }]) {
      const { context, page, faults } = await open(browser, base, { acceptDownloads: true, ...options })
      await page.goto(shares.open)
      await page.getByRole('link', { name: /Lighthouse/ }).click()
      await page.getByText('Add a format').click()
      await page.getByLabel('Width in pixels').fill('200')
      await page.getByLabel('Height in pixels').fill('200')
      await page.getByLabel('If both are given').selectOption('cover')
      await page.getByLabel('File format').selectOption('png')
      await fits(page)
      await keep(page, 'add-format')
      await saved(page, () => page.getByRole('button', { name: 'Download this format' }).click())
      assert.deepEqual(faults, [])
      await context.close()
    }
  },
  'a part of it': async browser => {
    const { context, page, faults } = await open(browser, base, { acceptDownloads: true })
    await page.goto(shares.open)
    await page.getByRole('link', { name: /Lighthouse/ }).click()
    await page.getByText('Add a format').click()
    const part = page.getByRole('group', { name: 'Part of the picture' }).and(page.locator('.part'))
    await page.locator('.sheet img').waitFor()
    const fields = ['From the left', 'From the top', 'Width of the part', 'Height of the part']
    const said = async () => Promise.all(fields.map(async it => Number(await page.getByLabel(it).inputValue())))
    const near = async expected => {
      const found = await said()
      expected.forEach((value, at) => assert.ok(Math.abs(found[at] - value) <= 8, `${found} for ${expected}`))
      return found
    }
    await page.locator('.sheet').scrollIntoViewIfNeeded()
    const box = await page.locator('.sheet').boundingBox()
    const at = (across, down) => page.mouse.move(box.x + box.width * across, box.y + box.height * down, { steps: 4 })
    const drag = async (from, to) => {
      await at(...from)
      await page.mouse.down()
      await at(...to)
      await page.mouse.up()
    }
    // Drawn, moved, and never beyond the picture.
    await drag([.25, .25], [.75, .75])
    await near([320, 180, 640, 360])
    await drag([.5, .5], [.6, .4])
    await near([448, 108, 640, 360])
    await drag([.5, .5], [.99, .99])
    const [, , wide, high] = await said()
    assert.deepEqual((await said()).slice(0, 2), [1280 - wide, 720 - high])
    // The same by keys.
    await page.locator('.sheet').scrollIntoViewIfNeeded()
    await part.focus()
    const [x, y] = await said()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowUp')
    await near([x - 13, y - 7, wide, high])
    assert.ok((await said())[0] < x && (await said())[1] < y)
    await page.keyboard.press('Shift+ArrowLeft')
    await page.keyboard.press('Shift+ArrowUp')
    assert.ok((await said())[2] < wide && (await said())[3] < high)
    await keep(page, 'crop')
    await page.keyboard.press('Delete')
    assert.equal(await page.getByLabel('Width of the part').inputValue(), '')
    // What is typed is what is shown.
    for (const [at, value] of ['100', '50', '640', '360'].entries()) await page.getByLabel(fields[at]).fill(value)
    const drawn = await part.evaluate(it => ({ left: it.style.left, width: it.style.width }))
    assert.deepEqual(drawn, { left: '7.8125%', width: '50%' })
    await page.getByLabel('File format').selectOption('png')
    await fits(page)
    await saved(page, () => page.getByRole('button', { name: 'Download this format' }).click())
    assert.deepEqual(faults, [])
    await context.close()
    // Without scripts there are the numbers.
    const narrow = { viewport: { width: 360, height: 740 }, javaScriptEnabled: false }
    const plain = await open(browser, base, { acceptDownloads: true, ...narrow })
    await plain.page.goto(shares.open)
    await plain.page.getByRole('link', { name: /Lighthouse/ }).click()
    await plain.page.getByText('Add a format').click()
    assert.equal(await plain.page.locator('.sheet').isVisible(), false)
    for (const [at, value] of ['0', '0', '640', '360'].entries()) await plain.page.getByLabel(fields[at]).fill(value)
    await plain.page.getByLabel('File format').selectOption('png')
    await fits(plain.page)
    await keep(plain.page, 'crop-plain')
    await saved(plain.page, () => plain.page.getByRole('button', { name: 'Download this format' }).click())
    assert.deepEqual(plain.faults, [])
    await plain.context.close()
  },
  'ten thousand': async browser => {
    const { context, page, faults } = await open(browser, base, { acceptDownloads: true })
    const look = async (address, first, count) => {
      const answer = await page.goto(address)
      const numbers = await page.locator('.card').evaluateAll(all => all.map(it => Number(it.id.slice(1))))
      assert.deepEqual(numbers, [...Array(count).keys()].map(it => first + it))
      const bytes = (await answer.body()).length
      const { nodes, ready } = await page.evaluate(() => ({
        nodes: document.querySelectorAll('*').length,
        ready: performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd
      }))
      console.log(`page at ${first}: ${bytes} bytes, ${nodes} elements, ready after ${Math.round(ready)} ms`)
      assert.ok(bytes + own < 150000, `${bytes + own} bytes`)
      assert.ok(nodes < 1000, `${nodes} elements`)
    }
    const own = (await Promise.all(['page.css', 'page.js'].map(async name => {
      const answer = await context.request.get(`${base}/s/-/${name}`)
      assert.equal(answer.status(), 200)
      return (await answer.body()).length
    }))).reduce((sum, it) => sum + it)
    await look(shares.many, 0, 60)
    await page.getByText('10,000 items').or(page.getByText('10000 items')).waitFor()
    await page.getByLabel('Select all on this page').check()
    assert.equal(await page.locator('input[name=item]:checked').count(), 60)
    await page.getByLabel('Go to page').fill('84')
    await page.keyboard.press('Enter')
    await page.waitForURL(/page=84$/)
    await look(page.url(), 4980, 60)
    // As long as people press: nothing may move away from under them meanwhile.
    await page.getByRole('link', { name: 'Page 167' }).click({ delay: 100 })
    await page.waitForURL(/page=167$/)
    await look(page.url(), 9960, 40)
    await page.goto(shares.many)
    const begun = Date.now()
    const [download] = await Promise.all([
      page.waitForEvent('download'), page.getByRole('button', { name: 'Download all' }).click()
    ])
    console.log(`a zip of all began after ${Date.now() - begun} ms`)
    assert.match(download.suggestedFilename(), /Many.zip$/)
    await download.cancel()
    assert.deepEqual(faults, [])
    await context.close()
  },
  pages: async browser => {
    const { context, page, faults } = await open(browser, base)
    await page.goto(shares.many)
    // The numbers of the items that are shown.
    const shown = () => page.locator('.card').evaluateAll(all => all.map(it => Number(it.id.slice(1))))
    assert.deepEqual(await shown(), [...Array(60).keys()])
    await page.keyboard.press('ArrowRight')
    await page.waitForURL(/page=2$/)
    assert.equal((await shown())[0], 60)
    await page.getByLabel('Go to page').fill('5')
    await page.keyboard.press('Enter')
    await page.waitForURL(/page=5$/)
    assert.equal((await shown())[0], 240)
    await keep(page, 'pages-middle')
    await page.getByRole('link', { name: 'Page 8' }).click()
    assert.deepEqual(await shown(), [420, 421, 422, 423, 424])
    await keep(page, 'pages-last')
    // One of it leads back to where it is.
    await page.locator('#i422 a').click()
    await page.waitForURL(/items\/422$/)
    await page.getByRole('link', { name: 'All items' }).click()
    await page.waitForURL(/page=8#i422$/)
    assert.deepEqual(faults, [])
    await context.close()
    const touched = await open(browser, base, { viewport: { width: 360, height: 740 }, hasTouch: true })
    await touched.page.goto(shares.many)
    await touched.page.getByRole('link', { name: 'Next page' }).tap()
    await touched.page.waitForURL(/page=2$/)
    await touched.page.getByRole('link', { name: 'Previous page' }).tap()
    await touched.page.waitForURL(it => !it.search)
    await fits(touched.page)
    await keep(touched.page, 'pages')
    assert.deepEqual(touched.faults, [])
    await touched.context.close()
  },
  keyboard: async browser => {
    const { context, page, faults } = await open(browser, base)
    await page.goto(shares.gated)
    await tabTo(page, 'Password')
    await page.keyboard.type(told.password)
    await follow(page, 'Open')
    await follow(page, 'Accept and continue')
    await heading(page, 'Spring campaign')
    await tabTo(page, 'Select Lighthouse')
    await page.keyboard.press('Space')
    assert.equal(await page.getByLabel('Select Lighthouse').isChecked(), true)
    await follow(page, '≡ Price list')
    await tabTo(page, 'Download')
    assert.deepEqual(faults, [])
    await context.close()
  },
  'every page': async browser => {
    const { context, page } = await open(browser, base)
    await enter(page)
    const state = await context.storageState()
    const none = { cookies: [], origins: [] }
    const of = url => new URL(url).pathname
    for (const [name, known, address] of [
      ['share-gate', none, of(shares.gated)],
      ['share-terms', none, of(shares.terms)],
      ['share-gallery', state, of(shares.gated)],
      ['share-film', state, `${of(shares.gated)}/items/0`],
      ['share-picture', state, `${of(shares.gated)}/items/1`],
      ['share-document', state, `${of(shares.gated)}/items/2`],
      ['share-view-only', none, of(shares.viewOnly)],
      ['share-view-only-picture', none, `${of(shares.viewOnly)}/items/1`],
      ['share-view-only-document', none, `${of(shares.viewOnly)}/items/2`],
      ['share-ring', none, `${of(shares.kinds)}/items/0`],
      ['share-list', none, `${of(shares.kinds)}/items/1`],
      ['share-arabic-picture', none, `${of(shares.arabic)}/items/1`],
      ['share-many-last', none, `${of(shares.many)}?page=8`],
      ['share-arabic', none, of(shares.arabic)],
      ['share-arabic-film', none, `${of(shares.arabic)}/items/0`],
      ['share-chinese', none, of(shares.chinese)],
      ['share-many', none, of(shares.many)],
      ['share-crop-arabic', none, async page => {
        await page.goto(`${base}${of(shares.arabic)}/items/1`)
        await page.locator('.custom summary').click()
        await page.locator('.sheet img').waitFor()
      }],
      ['share-gone', none, of(shares.gone)],
      ['share-missing', none, '/s/AAAAAAAAAAAAAAAAAAAAAA']
    ]) {
      await inspect(browser, base, known, shots, name, address)
    }
    await context.close()
  }
}

run(walks, told, name => { underWay = `share-${name.replaceAll(' ', '-')}` })
