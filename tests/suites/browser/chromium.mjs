// Starts Chromium: headless, with a temporary profile.
//
//   CHROMIUM  the browser's path, /usr/bin/chromium by default

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** A browser context with one blank tab; `options` are those of `launchPersistentContext`. The caller closes it. */
export const openChromium = (options = {}) => chromium.launchPersistentContext('', {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: FLAGS,
  ...options,
});
