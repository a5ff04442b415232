// What an administrator sets for sharing pages in the console, and what those look like then: to somebody
// who opens a share, in the light and in the dark, wide and narrow. What is needed comes as JSON on
// standard input: chromium, base (the console), site, shots, username, password, logo, and the addresses
// of shares. Ends with 0 if all was as it must be.
const fs = require('node:fs')
const assert = require('node:assert')
const { open, inspect, signIn, tabTo, run } = require('./browser.cjs')

const told = JSON.parse(fs.readFileSync(0, 'utf8'))
const { base, site, shots, shares } = told
const own = '/console/tenants/1/settings/sharing'

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor()

const save = page => page.getByRole('button', { name: 'Save' }).click()

// What is seen once the stylesheets are there.
const colour = async (page, of) => {
  await page.waitForLoadState()
  return page.evaluate(([selector, property]) => getComputedStyle(document.querySelector(selector))[property], of)
}

const walks = {
  settings: async browser => {
    const { context, page, faults } = await open(browser, base)
    await signIn(page, told)
    const sections = page.getByRole('navigation', { name: 'Sections' })
    await sections.getByRole('link', { name: 'Settings' }).click()
    await heading(page, 'Sharing pages')
    await page.getByLabel('A logo').setInputFiles(told.logo)
    await page.getByRole('button', { name: 'Set the logo' }).click()
    await page.getByText('The logo is set.').waitFor()
    await page.getByRole('img', { name: 'The logo that is set' }).evaluate(it => it.decode())
    await page.getByLabel('Name of the company').fill('Nordlicht AG')
    await page.getByLabel('Address of your privacy policy').fill('https://example.com/privacy')
    await page.getByLabel('Text under every page').fill('Nordlicht AG, Hafenstrasse 1, Zürich')
    const accent = page.getByLabel('Accent, in the light')
    await accent.fill('#ffcc00')
    await save(page)
    await page.getByRole('alert').getByText('needs 4.5:1; the nearest that has it is #8a6e00').waitFor()
    assert.equal(await page.getByLabel('Name of the company').inputValue(), 'Nordlicht AG')
    await accent.fill('#8a1c4a')
    await page.getByLabel('Background, in the light').fill('#fdf6ec')
    await page.getByLabel('Background, in the dark').fill('#1b1220')
    await page.getByRole('button', { name: 'Show these colours' }).click()
    await page.getByText('Nothing is saved yet.').waitFor()
    assert.equal(await colour(page, ['.in-light .sample-main', 'backgroundColor']), 'rgb(138, 28, 74)')
    assert.equal(await colour(page, ['.in-dark', 'backgroundColor']), 'rgb(27, 18, 32)')
    await save(page)
    await page.getByText('Saved. Pages look so from now on.').waitFor()
    // By keyboard, too.
    await tabTo(page, 'Save')
    assert.deepEqual(faults, [])
    await inspect(browser, base, await context.storageState(), shots, 'settings-sharing', own)
    await context.close()
  },
  pages: async browser => {
    const { context, page, faults } = await open(browser, site)
    const of = url => new URL(url).pathname
    await page.goto(shares.open)
    await page.getByRole('img', { name: 'Nordlicht AG' }).evaluate(it => it.decode())
    await page.getByRole('link', { name: 'Privacy policy' }).waitFor()
    assert.equal(await colour(page, ['body', 'backgroundColor']), 'rgb(253, 246, 236)')
    assert.equal(await colour(page, ['button.main', 'backgroundColor']), 'rgb(138, 28, 74)')
    await page.emulateMedia({ colorScheme: 'dark' })
    assert.equal(await colour(page, ['body', 'backgroundColor']), 'rgb(27, 18, 32)')
    await page.goto(shares.hidden)
    await page.getByRole('link', { name: 'Privacy policy' }).waitFor()
    assert.equal(await page.getByText('Nordlicht AG,').count(), 1)
    assert.equal(await page.locator('header.brand').count(), 0)
    assert.deepEqual(faults, [])
    const none = { cookies: [], origins: [] }
    for (const [name, address] of [
      ['branded-gallery', of(shares.open)],
      ['branded-film', `${of(shares.open)}/items/0`],
      ['branded-gate', of(shares.gated)],
      ['branded-arabic', of(shares.arabic)],
      ['branded-missing', '/s/AAAAAAAAAAAAAAAAAAAAAA']
    ]) {
      await inspect(browser, site, none, shots, name, address)
    }
    await context.close()
  }
}

run(walks, told)
