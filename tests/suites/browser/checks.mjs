// What a suite promises: each promise is tried within a bound of time, told and counted. `NAME: FAILED: …` is one that is not kept.

/** How long one promise may take, and all of them together with what lies between, in milliseconds. */
const ONE = 180_000;
const ALL = 900_000;

/** The promises of a suite; `quiet` tells only those that are not kept. */
export function promises(suite, { quiet = false } = {}) {
  let passed = 0;
  let failed = 0;
  setTimeout(() => {
    console.error(`${suite}: FAILED: not over within ${ALL / 1000} s`);
    process.exit(1);
  }, ALL).unref();

  return {
    /** Tries one promise: it is kept if `check()` resolves. */
    async promise(name, check) {
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${ONE / 1000} s`)), ONE);
      });
      try {
        await Promise.race([check(), late]);
        passed += 1;
        if (!quiet) console.log(`${suite}: ${name}`);
      } catch (error) {
        failed += 1;
        console.error(`${suite}: FAILED: ${name}: ${error?.stack ?? error}`);
      } finally {
        clearTimeout(timer);
      }
    },

    /** Tells how many were kept and ends the process: with 0 if all were, and there were any. */
    end() {
      console.log(`${suite}: ${passed} passed, ${failed} failed`);
      process.exit(failed === 0 && passed > 0 ? 0 : 1);
    },
  };
}

/** Throws unless both are the same JSON. */
export function same(actual, expected, what) {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${left}, not ${right}`);
}
