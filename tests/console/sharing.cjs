// Somebody shares from the console, and somebody outside opens what they were given: made, mailed, looked
// at, saved, ended, revived, less one item, removed. With a mouse, without scripts, on a phone; and every page
// of shares in the console is looked at. What is needed comes as JSON on standard input: chromium, base,
// site, shots, saved, username, password, secret, film, folder, port (of a mail server), and the link that
// a letter had. Ends with 0 if all was as it must be.
const fs = require('node:fs')
const path = require('node:path')
const assert = require('node:assert')
const { open, inspect, becomes, signIn, run } = require('./browser.cjs')

const told = JSON.parse(fs.readFileSync(0, 'utf8'))
const { base, site, shots } = told

const NARROW = { width: 360, height: 740 }

let underWay = ''

const keep = async (page, name) => {
  const size = page.viewportSize().width < 600 ? 'narrow' : 'wide'
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.screenshot({ path: path.join(shots, `sharing-${underWay}-${name}-${size}-${colorScheme}.png`), fullPage: true })
  }
}

const said = (page, text) => page.getByRole('status').getByText(text).waitFor()

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor()

const press = (page, name) => page.getByRole('button', { name }).click()

const save = async (page, name) => {
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, name)])
  const file = path.join(told.saved, `${underWay}-${download.suggestedFilename()}`)
  await download.saveAs(file)
  console.log(`saved: ${file}`)
}

// What an address answers, once that is so: a change is in force within a second.
const answers = (page, address, status) =>
  becomes('what an address answers', async () => (await page.goto(address)).status(), status)

// In the console: what is ticked in the library becomes a share. Its link, and Bob's.
const make = async (page, mailed) => {
  await page.getByLabel('Share Harbour at dawn').check()
  await page.getByLabel('Share Lighthouse').check()
  await press(page, 'Share what is ticked')
  await heading(page, 'Make a share')
  await page.getByText('2 contents').waitFor()
  await page.getByLabel('Title').fill('Spring campaign')
  await page.getByLabel('Message to whoever opens it').fill('As we said on the phone.')
  await page.getByLabel('Open', { exact: true }).selectOption({ label: 'for 7 days from now' })
  await page.getByLabel('Password').fill('abc')
  await page.getByLabel('Terms that are to be accepted first').fill('For editorial use only.')
  await page.getByLabel('Allow downloads').check()
  await page.getByLabel('Who has an address of their own').fill('Bob, bob@example.com')
  if (mailed) await page.getByLabel('Send each of them a letter with their link').check()
  // A browser holds back what is too short, with scripts or without.
  await press(page, 'Make the share')
  assert.equal(await page.getByLabel('Password').evaluate(it => it.validity.tooShort), true)
  await page.getByLabel('Password').fill(told.secret)
  await keep(page, 'form')
  await press(page, 'Make the share')
  await said(page, 'The share is made')
  await heading(page, 'Spring campaign')
  await keep(page, 'made')
  const links = await page.locator('code.long').allInnerTexts()
  assert.equal(links.length, 2)
  for (const link of links) assert.ok(link.startsWith(`${site}/s/`), link)
  return links
}

// Outside: in by password and terms, looks, saves one and all.
const visit = async (page, link) => {
  await page.goto(link)
  await heading(page, 'This share is protected')
  await page.getByLabel('Password').fill('not this one')
  await press(page, 'Open')
  await page.getByRole('alert').waitFor()
  await page.getByLabel('Password').fill(told.secret)
  await press(page, 'Open')
  await heading(page, 'Terms and conditions')
  await press(page, 'Accept and continue')
  await heading(page, 'Spring campaign')
  await page.getByText('As we said on the phone.').waitFor()
  await save(page, 'Download all')
  await page.getByRole('link', { name: /Lighthouse/ }).click()
  await heading(page, 'Lighthouse')
  await save(page, 'Download Original')
}

const journey = async (browser, options) => {
  const console_ = await open(browser, base, options)
  const outside = await open(browser, site, { ...options, acceptDownloads: true })
  const manager = console_.page
  const visitor = outside.page
  await signIn(manager, told)
  const [link, bobs] = await make(manager)
  const own = new URL(manager.url()).pathname
  await visit(visitor, bobs)

  // What happened is told, with who did it.
  const history = manager.getByRole('table').filter({ has: manager.getByRole('columnheader', { name: 'When' }) })
  const happened = async text => history.getByRole('row').filter({ hasText: text }).count()
  await becomes('what Bob did', async () => {
    await manager.goto(base + own)
    return happened('Bob, from 127.0.0.1')
  }, 5)
  await keep(manager, 'history')

  // An end that is reached, and one that is moved on.
  const endsBy = async label => {
    await manager.goto(base + own)
    await manager.getByLabel('Open', { exact: true }).selectOption({ label })
  }
  await endsBy('no longer: end it now')
  await press(manager, 'Save')
  await said(manager, 'Saved.')
  await manager.getByText('Ended', { exact: true }).waitFor()
  await answers(visitor, bobs, 410)
  await keep(visitor, 'gone')
  await endsBy('for a day from now')
  await press(manager, 'Save')
  await said(manager, 'Saved.')
  await answers(visitor, bobs, 200)
  await heading(visitor, 'Spring campaign')

  // One item less.
  await manager.goto(base + own)
  await press(manager, 'Take out Lighthouse')
  await said(manager, 'The item is taken out.')
  await visitor.goto(bobs)
  assert.equal(await visitor.getByRole('link', { name: /Lighthouse/ }).count(), 0)
  await visitor.getByRole('link', { name: /Harbour at dawn/ }).waitFor()

  // Bob's link is closed alone.
  await press(manager, 'Close the link of Bob')
  await said(manager, 'address is closed')
  await answers(visitor, bobs, 410)
  await answers(visitor, link, 200)

  // Its contents say where they are shared, and the share goes with all of its addresses.
  await manager.goto(base + `/console/tenants/1/contents/${told.film}/shares`)
  await manager.getByRole('link', { name: 'Spring campaign' }).click()
  await manager.getByRole('link', { name: 'Remove this share' }).click()
  await keep(manager, 'remove')
  await press(manager, 'Remove the share')
  await said(manager, 'The share is removed.')
  for (const address of [link, bobs]) await answers(visitor, address, 404)
  for (const { faults, context } of [console_, outside]) {
    assert.deepEqual(faults, [])
    await context.close()
  }
}

const walks = {
  mouse: browser => journey(browser, {}),
  narrow: browser => journey(browser, { viewport: NARROW }),
  'no scripts': browser => journey(browser, { javaScriptEnabled: false }),
  // The tenant's mail server is set and tried, and mails a share.
  letters: async browser => {
    const { context, page, faults } = await open(browser, base)
    await signIn(page, told)
    await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Settings' }).click()
    const tabs = page.getByRole('navigation', { name: 'Settings' })
    await tabs.getByRole('link', { name: 'Mail' }).click()
    await heading(page, 'Mail')
    await page.getByLabel('Server', { exact: true }).fill('localhost')
    await page.getByLabel('Port').fill(String(told.port))
    await page.getByLabel('Name', { exact: true }).fill('post')
    await page.getByLabel('Password').fill('not the password')
    await page.getByLabel('From (mail address)').fill('press@example.com')
    await page.getByLabel('Name beside it').fill('Press office')
    await press(page, 'Save')
    await said(page, 'Saved')
    const test = async () => {
      await page.getByLabel('Send a test letter to').fill('ann@example.com')
      await press(page, 'Send the test letter')
    }
    await test()
    await page.getByRole('alert').getByText('535').waitFor()
    await keep(page, 'mail-refused')
    await page.getByLabel('Password').fill(told.mailing)
    await press(page, 'Save')
    await said(page, 'Saved')
    await test()
    await said(page, 'The server took the test letter.')
    await page.goto(base + '/console/tenants/1/contents')
    await make(page, true)
    const state = await context.storageState()
    const settings = '/console/tenants/1/settings'
    for (const [name, address] of [
      ['settings-mail', `${settings}/mail`],
      ['settings-webhooks', `${settings}/webhooks`],
      ['settings-webhook-new', `${settings}/webhooks/new`]
    ]) {
      await inspect(browser, base, state, shots, name, address)
    }
    assert.deepEqual(faults, [])
    await context.close()
  },
  // Bob opens the link in his letter, on a phone.
  letter: async browser => {
    const { context, page, faults } = await open(browser, site, { viewport: NARROW, acceptDownloads: true })
    await visit(page, told.link)
    assert.deepEqual(faults, [])
    await context.close()
  },
  'every page': async browser => {
    const { context, page } = await open(browser, base)
    await signIn(page, told)
    await make(page)
    const own = new URL(page.url()).pathname
    const state = await context.storageState()
    const tenant = '/console/tenants/1'
    for (const [name, address] of [
      ['share-form', `${tenant}/shares/new?content=${told.film}`],
      ['share-form-folder', `${tenant}/shares/new?folder=${told.folder}`],
      ['shares', `${tenant}/shares`],
      ['shares-all', `${tenant}/shares?all=1`],
      ['share', own],
      ['share-remove', `${own}/remove`],
      ['content-shares', `${tenant}/contents/${told.film}/shares`]
    ]) {
      await inspect(browser, base, state, shots, name, address)
    }
    await context.close()
  }
}

run(walks, told, name => { underWay = name.replace(' ', '-') })
