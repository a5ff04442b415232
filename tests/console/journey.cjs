// Walks through the console in a browser: with a mouse, without scripts, and by keyboard alone. Each
// page is looked at, light and dark, wide and narrow. What is needed comes as JSON on standard input:
// chromium, base, shots, username, password, folder, content, file. Ends with 0 if all was as it must be.
const fs = require('node:fs')
const assert = require('node:assert')
const { open, inspect, becomes, signIn, tabTo, follow, run } = require('./browser.cjs')

const told = JSON.parse(fs.readFileSync(0, 'utf8'))
const { base, shots, username, password } = told

const signOut = async page => {
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('status').getByText('You are signed out.').waitFor()
}

// What a link gives, once it answers so: a change is in force within a second.
const answers = async (url, status) => {
  let text
  await becomes('what a link answers', async () => {
    const answer = await fetch(url)
    text = await answer.text()
    return answer.status
  }, status)
  return text
}

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()

// From the library to a link that opens the file, and its end.
const journey = async (page, { scripts, clipboard }) => {
  await page.goto(base + '/console/tenants/1/contents?title=harbour')
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').getByText('is not right').waitFor()
  assert.equal(await page.getByLabel('User name').inputValue(), username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  // Where one wanted to.
  assert.equal(await page.getByLabel('Title contains').inputValue(), 'harbour')
  await page.getByRole('link', { name: 'Clear' }).click()

  const tree = page.getByRole('navigation', { name: 'Folders' })
  await tree.getByRole('link', { name: 'Press' }).click()
  await tree.getByRole('link', { name: 'Summer 2026' }).click()
  await heading(page, 'Summer 2026')
  await page.getByRole('navigation', { name: 'Where you are' }).getByRole('link', { name: 'Press' }).click()
  await heading(page, 'Press')
  await page.getByLabel('Folders below as well').check()
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.getByRole('link', { name: 'Harbour at dawn' }).click()
  await page.getByText('harbour-at-dawn').waitFor()

  await page.getByRole('link', { name: 'Advanced' }).click()
  await page.getByText(told.content, { exact: true }).waitFor()
  const copies = page.getByRole('button', { name: 'Copy the content ID' })
  // A script shows the button, and runs when the page is there.
  await page.waitForLoadState()
  assert.equal(await copies.count(), scripts ? 1 : 0)
  if (clipboard) {
    await copies.click()
    await page.getByRole('status').getByText('Copied.').waitFor()
  }

  await page.getByRole('navigation', { name: 'About this content' })
    .getByRole('link', { name: 'Protection' }).click()
  await page.getByLabel('only these types').check()
  await page.getByLabel('Subtitles').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('status').getByText('Saved').waitFor()
  const subtitles = page.getByRole('row', { name: /Subtitles/ })
  await subtitles.getByText('it is public for this content').waitFor()
  assert.equal(await page.getByLabel('Subtitles').isChecked(), true)
  await page.getByLabel('nothing by itself').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await subtitles.getByText('no level opens them').waitFor()

  await page.getByRole('link', { name: 'Advanced' }).click()
  await page.getByRole('link', { name: /Make a link to harbour.mp4/ }).click()
  if (clipboard) {
    await page.getByLabel('Tag').press('Control+V')
    await becomes('what was pasted', () => page.getByLabel('Tag').inputValue(), told.content)
    await page.getByLabel('Tag').fill('')
  }
  await page.getByLabel('Only from this address').fill('the office')
  await page.getByRole('button', { name: 'Make the link' }).click()
  await page.getByRole('alert').getByText('The address is none').waitFor()
  assert.equal(await page.getByLabel('Only from this address').inputValue(), 'the office')
  await page.getByLabel('Only from this address').fill('127.0.0.1')
  await page.getByRole('button', { name: 'Make the link' }).click()
  await page.getByRole('status').getByText('The link is made.').waitFor()
  if (scripts) await page.screenshot({ path: `${shots}/link-made-${page.viewportSize().width}.png`, fullPage: true })
  const url = await page.getByLabel('Address', { exact: true }).inputValue()
  assert.equal(await answers(url, 200), told.bytes)

  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Links' }).click()
  await heading(page, 'Links')
  await page.getByRole('row').nth(1).getByRole('link').click()
  await page.getByRole('button', { name: 'Revoke this link' }).click()
  await page.getByRole('status').getByText('The link is revoked.').waitFor()
  await answers(url, 403)

  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Audit' }).click()
  await page.getByLabel('Action').fill('link')
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.waitForURL(/action=link/)
  await page.getByText('link.revoke').first().waitFor()
  await page.getByText(/\d+ fields?/).first().click()
  await page.getByText('revoked at').first().waitFor()
  await signOut(page)
}

const byKeyboard = async page => {
  await page.goto(base + '/console/')
  // The field for the name has the focus.
  await page.keyboard.type(username)
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  await tabTo(page, 'Skip to the content')
  await page.keyboard.press('Enter')
  await becomes('what has the focus', () => page.evaluate(() => document.activeElement.id), 'content')
  await follow(page, 'Press')
  await follow(page, 'Summer 2026')
  await follow(page, 'Harbour at dawn')
  await follow(page, 'Information')
  await follow(page, 'Advanced')
  await follow(page, 'Make a link to harbour.mp4')
  await tabTo(page, 'as often as one likes')
  await page.keyboard.press('ArrowDown')
  assert.equal(await page.getByLabel('once').isChecked(), true)
  await tabTo(page, 'Make the link')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  await page.getByRole('status').getByText('The link is made.').waitFor()
  await follow(page, 'Protection')
  await tabTo(page, 'Subtitles')
  await page.keyboard.press('Space')
  await tabTo(page, 'Save which types are public')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  await page.getByRole('status').getByText('Saved').waitFor()
  await tabTo(page, 'Make every file of this tenant protected again')
  await page.keyboard.press('Space')
  await follow(page, 'Close everything')
  await page.getByRole('status').getByText('Saved').waitFor()
  await follow(page, 'Sign out')
  await page.getByRole('status').getByText('You are signed out.').waitFor()
}

const pages = [
  ['library', '/console/tenants/1/contents'],
  ['library-empty', '/console/tenants/1/contents?title=nowhere'],
  ['folder', `/console/tenants/1/folders/${told.folder}`],
  ['information', `/console/tenants/1/contents/${told.content}`],
  ['advanced', `/console/tenants/1/contents/${told.content}/advanced`],
  ['content-protection', `/console/tenants/1/contents/${told.content}/protection`],
  ['history', `/console/tenants/1/contents/${told.content}/history`],
  ['link-order', `/console/tenants/1/contents/${told.content}/files/${told.file}/link`],
  ['folder-protection', `/console/tenants/1/folders/${told.folder}/protection`],
  ['protection', '/console/tenants/1/protection'],
  ['links', '/console/tenants/1/links'],
  ['audit', '/console/tenants/1/audit'],
  ['nothing-here', '/console/nothing']
]

const walks = {
  mouse: async browser => {
    const permissions = ['clipboard-read', 'clipboard-write']
    const { context, page, faults } = await open(browser, base, { permissions })
    await journey(page, { scripts: true, clipboard: true })
    assert.deepEqual(faults, [])
    await context.close()
  },
  'no scripts': async browser => {
    const { context, page, faults } = await open(browser, base, { javaScriptEnabled: false })
    await journey(page, { scripts: false, clipboard: false })
    assert.deepEqual(faults, [])
    await context.close()
  },
  narrow: async browser => {
    const viewport = { width: 360, height: 740 }
    const { context, page, faults } = await open(browser, base, { viewport })
    await journey(page, { scripts: true, clipboard: false })
    assert.deepEqual(faults, [])
    await context.close()
  },
  keyboard: async browser => {
    const { context, page, faults } = await open(browser, base)
    await byKeyboard(page)
    assert.deepEqual(faults, [])
    await context.close()
  },
  'every page': async browser => {
    await inspect(browser, base, undefined, shots, 'sign-in', '/console/login')
    const { context, page } = await open(browser, base)
    await signIn(page, told)
    const state = await context.storageState()
    const links = await page.request.get(base + '/console/tenants/1/links')
    const link = /\/console\/tenants\/1\/links\/lnk_\w+/.exec(await links.text())
    for (const [name, address] of [...pages, ['link', link[0]]]) {
      await inspect(browser, base, state, shots, name, address)
    }
    await signOut(page)
    await context.close()
  }
}

run(walks, told)
