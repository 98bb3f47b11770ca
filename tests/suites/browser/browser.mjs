// The browser that the tests were asked for. Of its tabs they use what both drivers have alike: `goto`, `evaluate`, `close`.
//
//   BROWSER  chromium, if absent, or firefox

import { openChromium } from './chromium.mjs';
import { openFirefox } from './firefox.mjs';

export const isChromium = (process.env.BROWSER ?? 'chromium') === 'chromium';

/** A browser that makes tabs by `newPage()`. To be closed. */
export const openBrowser = () => (isChromium ? openChromium() : openFirefox());
