// What the journeys have in common: a browser, its windows, and what is asked of every page.
const fs = require('node:fs')
const path = require('node:path')
const { chromium } = require('playwright-core')

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const WIDE = { width: 1280, height: 900 }
const NARROW = { width: 360, height: 740 }

// Milliseconds for all walks of a run.
const PATIENCE = 600000

const launch = executablePath =>
  chromium.launch({
    executablePath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'
    ]
  })

exports.fail = message => {
  throw new Error(message)
}

// Milliseconds until what is asked again and again must be so: on a busy machine a second is long over.
const SOON = 60000

// What was asked and is not answered whole, since when.
const unanswered = new Map()

// A walk that fails tells what it waits for, without addresses: there may be secrets in them.
const fails = (code, why) => {
  console.error(why)
  for (const [request, since] of unanswered) {
    const first = new URL(request.url()).pathname.split('/')[1]
    console.error(`waits for ${request.method()} /${first}/… (${request.resourceType()}) for ${Date.now() - since} ms`)
  }
  process.exit(code)
}

// Asks until the answer is that: what a script, a clipboard or another program does comes a little later
// than the press that asked for it.
exports.becomes = async (what, ask, wanted) => {
  const until = Date.now() + SOON
  let answer
  do {
    answer = await ask()
    if (answer === wanted) return
    await new Promise(resolve => setImmediate(resolve))
  } while (Date.now() < until)
  exports.fail(`${what} is ${answer}, and never ${wanted}`)
}

// Takes the walks that are asked for, one after the other in one browser: ends with 0 if all was as it
// must be. `begin` is told of each.
exports.run = async (walks, told, begin = () => {}) => {
  setTimeout(() => fails(2, 'it took too long'), PATIENCE).unref()
  try {
    const browser = await launch(told.chromium)
    for (const name of told.walks) {
      begin(name)
      await walks[name](browser)
      console.log(`walked: ${name}`)
    }
    await browser.close()
  } catch (error) {
    fails(1, error)
  }
  process.exit(0)
}

// A window whose page must stay on its host, without an error and without anything that its policy
// had to stop.
exports.open = async (browser, base, options = {}) => {
  const context = await browser.newContext({ viewport: WIDE, ...options })
  context.setDefaultTimeout(60000)
  const page = await context.newPage()
  const faults = []
  page.on('request', request => {
    // What the browser shows a document with is its own.
    const isOwn = /^chrome(-extension)?:/.test(request.url())
    if (!isOwn && new URL(request.url()).origin !== base) faults.push(`asked ${request.url()}`)
  })
  page.on('request', request => unanswered.set(request, Date.now()))
  for (const over of ['requestfinished', 'requestfailed']) page.on(over, request => unanswered.delete(request))
  page.on('response', answer => {
    // Told in case the walk does not get there: not its address, in which a secret may be.
    if (answer.status() >= 400) console.error(`${answer.request().method()} was answered ${answer.status()}`)
  })
  page.on('pageerror', error => faults.push(String(error)))
  page.on('console', message => {
    // A refusal that is shown on purpose is an error to the browser.
    const expected = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !expected) faults.push(message.text())
  })
  return { context, page, faults }
}

exports.signIn = async (page, { base, username, password }) => {
  await page.goto(base + '/console/')
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'All contents' }).waitFor()
}

// Presses Tab until what has the focus is of that name, and is seen to have it.
exports.tabTo = async (page, name) => {
  for (let presses = 0; presses < 120; presses++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const it = document.activeElement
      const label = it.labels?.[0]?.innerText ?? it.innerText ?? ''
      const { outlineStyle, outlineWidth } = getComputedStyle(it)
      return { tag: it.tagName, label: label.replace(/\s+/g, ' ').trim(), seen: outlineStyle !== 'none' && outlineWidth !== '0px' }
    })
    // Within a frame it is the browser's own viewer that shows it.
    const isOurs = !['BODY', 'IFRAME'].includes(focused.tag)
    if (isOurs && !focused.seen) exports.fail(`the focus is not seen on ${focused.label}`)
    if (focused.label.startsWith(name)) return
  }
  exports.fail(`no key leads to ${name}`)
}

// The same, and goes where it leads.
exports.follow = async (page, name) => {
  await exports.tabTo(page, name)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
}

// Looks at a page as everybody sees it: light and dark, wide and narrow. `state` is who is signed in;
// `address` may be a way to a page that has none, as one that a form answers. The checker is put into a window of its own, past the policy that keeps scripts out of the page.
exports.inspect = async (browser, base, state, shots, name, address) => {
  const context = await browser.newContext({ storageState: state, bypassCSP: true })
  const page = await context.newPage()
  for (const [size, viewport] of [['wide', WIDE], ['narrow', NARROW]]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      if (typeof address === 'string') await page.goto(base + address)
      else await address(page)
      await page.evaluate(AXE)
      const found = await page.evaluate(
        values => window.axe.run(document, { runOnly: { type: 'tag', values } }), STANDARDS)
      const grave = found.violations.filter(it => ['serious', 'critical'].includes(it.impact))
      if (grave.length > 0) {
        const told = grave.map(it => `${it.id}: ${it.help}\n  ${it.nodes.map(n => n.html).join('\n  ')}`)
        exports.fail(`${name} ${size} ${colorScheme}: ${told.join('\n')}`)
      }
      for (const it of found.violations) console.log(`${name} ${size}: ${it.impact} ${it.id}`)
      const beyond = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (beyond > 0) exports.fail(`${name} ${size}: ${beyond} pixels wider than the window`)
      await page.screenshot({ path: path.join(shots, `${name}-${size}-${colorScheme}.png`), fullPage: true })
    }
  }
  await context.close()
  console.log(`looked at ${name}`)
}
