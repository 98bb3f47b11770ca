// Chromium as all tests open it: without a window, with a fresh profile that goes when it goes.
//
//   CHROMIUM  the browser, /usr/bin/chromium if absent

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** A browser context with one blank tab; `options` are those of `launchPersistentContext`. To be closed. */
export const openChromium = (options = {}) => chromium.launchPersistentContext('', {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: FLAGS,
  ...options,
});
