// Starts Firefox: headless, with a temporary profile.
//
//   FIREFOX  the browser's path, /usr/bin/firefox-esr by default

import puppeteer from 'puppeteer-core';

/** A browser; the caller closes it. */
export const openFirefox = () => puppeteer.launch({
  browser: 'firefox',
  executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
  headless: true,
});
