// Starts the browser under test. Tests use the methods of tabs that both drivers have: `goto`, `evaluate`, `close`.
//
//   BROWSER  chromium (the default) or firefox

import { openChromium } from './chromium.mjs';
import { openFirefox } from './firefox.mjs';

export const isChromium = (process.env.BROWSER ?? 'chromium') === 'chromium';

/** A browser with `newPage()`; the caller closes it. */
export const openBrowser = () => (isChromium ? openChromium() : openFirefox());
