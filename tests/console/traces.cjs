// Somebody brings a file that turned up somewhere to the console, and is told whose copy it is (K.6): by
// dropping it, without scripts, and by keyboard alone; and each page of it looked at for what keeps people
// from using it. What is needed comes as JSON on standard input: chromium, base, shots, username, password,
// copy and plain (files), tag, link. Ends with 0 if all was as it must be.
const fs = require('node:fs')
const assert = require('node:assert')
const { open, inspect, signIn, tabTo, follow, run } = require('./browser.cjs')

const told = JSON.parse(fs.readFileSync(0, 'utf8'))
const { base, shots } = told
const own = '/console/tenants/1/traces'

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor()

const field = page => page.getByLabel('Drop a file here, or choose one')

const comeThere = async page => {
  await signIn(page, told)
  const sections = page.getByRole('navigation', { name: 'Sections' })
  await sections.getByRole('link', { name: 'Whose copy?' }).click()
  await heading(page, 'Whose copy is this?')
}

const ask = page => page.getByRole('button', { name: 'Say whose copy it is' }).click()

// The answer, and where it leads.
const answered = async page => {
  await heading(page, `This is the copy of “${told.tag}”`)
  await page.getByText('in the XMP description').waitFor()
  // What a form answered is kept nowhere: one does not come back to it.
  const content = await page.getByRole('link', { name: 'Lighthouse' }).getAttribute('href')
  await page.getByRole('link', { name: told.link }).click()
  await page.getByRole('heading', { level: 1, name: told.link }).waitFor()
  await page.goto(base + content)
  await heading(page, 'Lighthouse')
}

const walks = {
  drop: async browser => {
    const { context, page, faults } = await open(browser, base)
    await comeThere(page)
    // On the words in the middle of the zone, which are no field.
    const words = await page.getByText('Drop a file here, or choose one').boundingBox()
    const at = { x: words.x + words.width / 2, y: words.y + words.height / 2 }
    const data = { items: [], files: [told.copy], dragOperationsMask: 1 }
    const devtools = await context.newCDPSession(page)
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await devtools.send('Input.dispatchDragEvent', { type, ...at, data })
    }
    await page.waitForFunction(() => document.querySelector('#file').files.length === 1)
    await ask(page)
    await answered(page)
    assert.deepEqual(faults, [])
    await context.close()
  },
  'no scripts': async browser => {
    const { context, page, faults } = await open(browser, base, { javaScriptEnabled: false })
    await comeThere(page)
    await field(page).setInputFiles(told.copy)
    await ask(page)
    await answered(page)
    assert.deepEqual(faults, [])
    await context.close()
  },
  keyboard: async browser => {
    const { context, page, faults } = await open(browser, base)
    await signIn(page, told)
    await follow(page, 'Whose copy?')
    // From now on, not from the press on: a browser may have its own window open by then.
    const chooser = page.waitForEvent('filechooser')
    await tabTo(page, 'Drop a file here')
    await page.keyboard.press('Enter')
    await (await chooser).setFiles(told.plain)
    await follow(page, 'Say whose copy it is')
    await heading(page, 'The file does not say whose copy it is')
    await page.getByRole('heading', { name: 'What a tag survives' }).waitFor()
    // And once more from there.
    await field(page).setInputFiles(told.copy)
    await follow(page, 'Say whose copy it is')
    await answered(page)
    assert.deepEqual(faults, [])
    await context.close()
  },
  'every page': async browser => {
    const { context, page } = await open(browser, base)
    await signIn(page, told)
    const state = await context.storageState()
    const asked = file => async page => {
      await page.goto(base + own)
      await field(page).setInputFiles(file)
      await ask(page)
      await page.getByRole('heading', { name: 'Ask about another file' }).waitFor()
    }
    await inspect(browser, base, state, shots, 'traces', own)
    await inspect(browser, base, state, shots, 'traced', asked(told.copy))
    await inspect(browser, base, state, shots, 'traced-nothing', asked(told.plain))
    await context.close()
  }
}

run(walks, told)
