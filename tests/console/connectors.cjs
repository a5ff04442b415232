// What somebody in marketing does with connectors: installs one on a folder, takes its addresses along,
// changes and removes it. With a mouse, on a phone, without scripts, and by keyboard alone; and every
// page is looked at. What is needed comes as JSON on standard input: chromium, base, shots, username,
// password, folder, many, shared (connectors), content. Ends with 0 if all was as it must be.
const fs = require('node:fs')
const path = require('node:path')
const assert = require('node:assert')
const { open, inspect, becomes, signIn, tabTo, follow, run } = require('./browser.cjs')

const told = JSON.parse(fs.readFileSync(0, 'utf8'))
const { base, shots } = told
const own = `${base}/console/tenants/1/connectors`

// The walk that is under way.
let underWay = ''

// Keeps what is seen, in the light and in the dark.
const keep = async (page, name) => {
  const size = page.viewportSize().width < 600 ? 'narrow' : 'wide'
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.screenshot({ path: path.join(shots, `${underWay}-${name}-${size}-${colorScheme}.png`), fullPage: true })
  }
}

const section = (page, name) =>
  page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name }).click()

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor()

const toFolder = async page => {
  await section(page, 'Library')
  const tree = page.getByRole('navigation', { name: 'Folders' })
  await tree.getByRole('link', { name: 'Press' }).click()
  await tree.getByRole('link', { name: 'Summer 2026' }).click()
  await heading(page, 'Summer 2026')
}

// From the folder to a connector that works.
const install = async (page, name, choose) => {
  await toFolder(page)
  await keep(page, 'folder')
  await page.getByRole('link', { name: /Install (a|another) connector/ }).click()
  await heading(page, 'Install a connector')
  await page.getByRole('note').getByText('For public contents only.').waitFor()
  await page.getByText('Press / Summer 2026').waitFor()
  await page.getByLabel('What you call it').fill(name)
  await choose(page)
  // The edge of this scene speaks in the clear.
  assert.equal(await page.getByLabel('Force HTTPS').isChecked(), true)
  await page.getByLabel('Force HTTPS').uncheck()
  await keep(page, 'settings')
  await page.getByRole('button', { name: 'See what becomes public' }).click()
  await page.getByRole('heading', { level: 1, name: /become/ }).waitFor()
  await page.getByRole('note').getByText('For public contents only.').waitFor()
  await keep(page, 'look')
}

const confirm = async page => {
  await page.getByRole('button', { name: 'Install the connector' }).click()
  await page.getByRole('status').getByText('The connector is installed.').waitFor()
  await page.getByText('What its addresses look like').waitFor()
  await keep(page, 'installed')
}

const row = (page, name) => page.getByRole('row', { name })

const byPrettyId = async page => {
  await page.getByLabel('only these').check()
  await page.getByLabel('Videos').check()
  await page.getByLabel('Images').check()
  await page.getByLabel('Pretty ID', { exact: true }).check()
}

const walks = {
  install: async browser => {
    const permissions = ['clipboard-read', 'clipboard-write']
    const { context, page, faults } = await open(browser, base, { permissions, acceptDownloads: true })
    await signIn(page, told)
    await keep(page, 'library')
    await section(page, 'Connectors')
    await heading(page, 'Connectors')
    await install(page, 'Press kit', byPrettyId)
    // Only what is published, of the kinds that were chosen.
    await heading(page, '3 contents become public')
    await row(page, /Harbour at dawn/).getByText('harbour-at-dawn').waitFor()
    await row(page, /Beach at noon/).getByText('it has no pretty ID').waitFor()
    for (const hidden of ['Price list', 'Radio spot']) {
      assert.equal(await page.getByText(hidden).count(), 0)
    }
    await page.getByRole('button', { name: 'Back to the settings' }).click()
    assert.equal(await page.getByLabel('What you call it').inputValue(), 'Press kit')
    assert.equal(await page.getByLabel('Force HTTPS').isChecked(), false)
    assert.equal(await page.getByLabel('Images').isChecked(), true)
    await page.getByRole('button', { name: 'See what becomes public' }).click()
    await confirm(page)

    // B11: what varies is marked, and named.
    const marks = await page.locator('.example mark').allTextContents()
    assert.equal(marks.length, 2)
    await page.getByRole('listitem').filter({ hasText: 'en language' }).waitFor()
    await page.getByRole('listitem').filter({ hasText: 'summer-campaign pretty ID' }).waitFor()
    const film = row(page, /Harbour at dawn/)
    assert.equal(await film.getByRole('link', { name: /\/dl\// }).count(), 2)
    await film.getByRole('button', { name: 'Copy the address of Harbour at dawn, en' }).click()
    await film.getByRole('status').getByText('Copied.').waitFor()
    await keep(page, 'copied')
    // No page may read the clipboard: what was copied is pasted, as people do.
    const elsewhere = await context.newPage()
    await elsewhere.goto(base + '/console/tenants/1/contents')
    await elsewhere.getByLabel('Title contains').press('Control+V')
    const pasted = () => elsewhere.getByLabel('Title contains').inputValue()
    await becomes('whether anything was pasted', async () => await pasted() !== '', true)
    console.log(`copied: ${await pasted()}`)
    await elsewhere.close()
    await row(page, /Beach at noon/).getByText('because it has no address').waitFor()
    await row(page, /Price list/).getByText('because the connector does not take this kind').waitFor()

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export as CSV' }).click()
    ])
    const exported = path.join(told.folder_of_exports, download.suggestedFilename())
    await download.saveAs(exported)
    console.log(`exported: ${exported}`)

    // B7, B8: where people look for ids.
    await film.getByRole('link', { name: 'Harbour at dawn' }).click()
    await page.getByRole('heading', { name: 'Public addresses' }).waitFor()
    await page.getByText('hafen', { exact: true }).waitFor()
    await page.getByText('harbour-at-dawn', { exact: true }).waitFor()
    await keep(page, 'information')
    await page.getByRole('link', { name: 'Advanced' }).click()
    await page.getByText(told.content, { exact: true }).waitFor()
    await keep(page, 'advanced')
    assert.deepEqual(faults, [])
    await context.close()
  },
  unpublished: async browser => {
    const { context, page, faults } = await open(browser, base)
    await signIn(page, told)
    await section(page, 'Connectors')
    await page.getByRole('link', { name: 'Press kit' }).first().click()
    const film = row(page, /Harbour at dawn/)
    await film.getByText('because it is not published').waitFor()
    assert.equal(await film.getByRole('link', { name: /\/dl\// }).count(), 0)
    assert.equal(await film.getByRole('button').count(), 0)
    await keep(page, 'unpublished')
    assert.deepEqual(faults, [])
    await context.close()
  },
  'no scripts': async browser => {
    const { context, page, faults } = await open(browser, base, { javaScriptEnabled: false })
    await signIn(page, told)
    await install(page, 'By article number', async page => {
      await page.getByRole('radio', { name: 'Metadata' }).check()
      await page.getByRole('button', { name: 'See what becomes public' }).click()
      await page.getByRole('alert').getByText('Choose the metadata').waitFor()
      assert.equal(await page.getByRole('radio', { name: 'Metadata' }).isChecked(), true)
      await page.getByLabel('Which metadata').selectOption('article number')
    })
    await heading(page, '4 contents become public')
    await page.getByText('2 of them have values that others have too.').waitFor()
    await confirm(page)
    // An address is a link: it can be taken along without a script.
    const address = row(page, /Harbour at dawn/).getByRole('link', { name: /\/dl\/.*\/m\/A-1000$/ })
    assert.equal(await address.getAttribute('href'), await address.textContent())
    assert.equal(await page.getByRole('button', { name: /^Copy/ }).count(), 0)
    await page.getByRole('link', { name: 'See which, and what is given' }).click()
    await row(page, 'A-1001').getByText('not given: an older one is').waitFor()
    await page.getByRole('link', { name: 'By article number' }).click()

    await page.getByRole('link', { name: 'Change this connector' }).click()
    await page.getByLabel('Refuse a value that several contents have').check()
    await page.getByRole('button', { name: 'See what becomes public' }).click()
    await page.getByText('Those addresses are refused.').waitFor()
    await page.getByRole('button', { name: 'Save the change' }).click()
    await page.getByRole('status').getByText('Saved.').waitFor()
    await row(page, /Lighthouse/).getByText('Refused', { exact: true }).waitFor()

    await page.getByRole('link', { name: 'Remove this connector' }).click()
    await heading(page, /Remove/)
    await page.getByRole('link', { name: 'Keep it' }).click()
    await page.getByRole('link', { name: 'Remove this connector' }).click()
    await page.getByRole('button', { name: 'Remove the connector' }).click()
    await page.getByRole('status').getByText('The connector is removed.').waitFor()
    assert.equal(await page.getByRole('link', { name: 'By article number' }).count(), 0)
    assert.deepEqual(faults, [])
    await context.close()
  },
  narrow: async browser => {
    const { context, page, faults } = await open(browser, base, { viewport: { width: 360, height: 740 } })
    await signIn(page, told)
    await install(page, 'From the train', byPrettyId)
    await confirm(page)
    await row(page, /Lighthouse/).getByRole('link', { name: /lighthouse$/ }).waitFor()
    const beyond = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.equal(beyond, 0)
    assert.deepEqual(faults, [])
    await context.close()
  },
  keyboard: async browser => {
    const { context, page, faults } = await open(browser, base)
    await signIn(page, told)
    await follow(page, 'Connectors')
    await follow(page, 'Install a connector')
    await tabTo(page, 'Folder')
    const chosen = () => page.evaluate(() => document.activeElement.selectedOptions[0].label)
    for (let rows = 0; rows < 60 && !(await chosen()).startsWith('Press / Summer'); rows++) {
      await page.keyboard.press('ArrowDown')
    }
    assert.match(await chosen(), /^Press \/ Summer/)
    await follow(page, 'Go on')
    await tabTo(page, 'What you call it')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('By hand')
    await tabTo(page, 'all kinds')
    await page.keyboard.press('ArrowDown')
    await tabTo(page, 'Audio')
    await page.keyboard.press('Space')
    await tabTo(page, 'Content ID')
    await follow(page, 'See what becomes public')
    await heading(page, '1 content becomes public')
    await follow(page, 'Install the connector')
    await heading(page, 'By hand')
    await tabTo(page, 'Copy the address of Radio spot')
    await page.keyboard.press('Enter')
    await follow(page, 'Change this connector')
    await tabTo(page, 'Its addresses work')
    await page.keyboard.press('ArrowDown')
    await follow(page, 'See what becomes public')
    await follow(page, 'Save the change')
    await page.getByText('Paused').first().waitFor()
    await follow(page, 'Remove this connector')
    await follow(page, 'Remove the connector')
    await page.getByRole('status').getByText('The connector is removed.').waitFor()
    assert.deepEqual(faults, [])
    await context.close()
  },
  'every page': async browser => {
    const { context, page } = await open(browser, base)
    await signIn(page, told)
    const state = await context.storageState()
    const { folder, many, shared } = told
    const look = typed => async page => {
      await page.goto(`${own}/new?folder=${typed.folder}`)
      await typed.choose(page)
      await page.getByRole('button', { name: 'See what becomes public' }).click()
      await heading(page, /become/)
    }
    const fields = async page => {
      await page.getByRole('radio', { name: 'Metadata' }).check()
      await page.getByLabel('Which metadata').selectOption('article number')
    }
    for (const [name, address] of [
      ['connectors', '/console/tenants/1/connectors'],
      ['connector', `/console/tenants/1/connectors/${shared}`],
      ['connector-of-many', `/console/tenants/1/connectors/${many}`],
      ['connector-clashes', `/console/tenants/1/connectors/${shared}/clashes`],
      ['connector-new', '/console/tenants/1/connectors/new'],
      ['connector-form', `/console/tenants/1/connectors/new?folder=${folder}`],
      ['connector-change', `/console/tenants/1/connectors/${shared}/edit`],
      ['connector-remove', `/console/tenants/1/connectors/${shared}/remove`],
      ['connector-look', look({ folder, choose: fields })],
      ['connector-look-at-many', look({ folder: told.folder_of_many, choose: async () => {} })],
      ['connected-folder', `/console/tenants/1/folders/${folder}`],
      ['connected-content', `/console/tenants/1/contents/${told.content}`]
    ]) {
      await inspect(browser, base, state, shots, name, address)
    }
    // Page by page, there and in the table.
    await look({ folder: told.folder_of_many, choose: async () => {} })(page)
    await page.getByText('1 to 50 of 60').waitFor()
    await page.getByRole('button', { name: 'Next page' }).click()
    await page.getByText('51 to 60 of 60').waitFor()
    await page.getByRole('button', { name: 'Page before' }).click()
    await page.getByText('1 to 50 of 60').waitFor()
    await page.goto(`${own}/${many}`)
    assert.equal(await page.getByRole('row').count(), 51)
    await page.getByRole('link', { name: 'Next page' }).click()
    await page.getByRole('link', { name: 'First page' }).waitFor()
    assert.equal(await page.getByRole('row').count(), 11)
    await context.close()
  }
}

run(walks, told, name => { underWay = `connector-${name.replace(' ', '-')}` })
