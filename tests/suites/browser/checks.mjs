// Runs the checks of a suite, each within a time limit, prints their results and counts them. `NAME: FAILED: …` is a failed one.

/** The time limits of a check and of the whole suite, in ms. */
const ONE = 180_000;
const ALL = 900_000;

/** The checks of a suite; with `quiet` only failures are printed. */
export function checks(suite, { quiet = false } = {}) {
  let passed = 0;
  let failed = 0;
  setTimeout(() => {
    console.error(`${suite}: FAILED: the suite did not end within ${ALL / 1000} s`);
    process.exit(1);
  }, ALL).unref();

  return {
    /** Runs a check: it passes if `run()` resolves. */
    async check(name, run) {
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`the check did not end within ${ONE / 1000} s`)), ONE);
      });
      try {
        await Promise.race([run(), late]);
        passed += 1;
        if (!quiet) console.log(`${suite}: ${name}`);
      } catch (error) {
        failed += 1;
        console.error(`${suite}: FAILED: ${name}: ${error?.stack ?? error}`);
      } finally {
        clearTimeout(timer);
      }
    },

    /** Prints the counts and ends the process, with 0 if at least one check passed and none failed. */
    end() {
      console.log(`${suite}: ${passed} passed, ${failed} failed`);
      process.exit(failed === 0 && passed > 0 ? 0 : 1);
    },
  };
}

/** Throws unless both are the same JSON. */
export function same(actual, expected, subject) {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${subject}: expected ${wanted}, found ${found}`);
}
