// Firefox as all tests open it: without a window, with a fresh profile that goes when it goes.
//
//   FIREFOX  the browser, /usr/bin/firefox-esr if absent

import puppeteer from 'puppeteer-core';

/** A browser; to be closed. */
export const openFirefox = () => puppeteer.launch({
  browser: 'firefox',
  executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
  headless: true,
});
