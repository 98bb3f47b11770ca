// The samples for Node in core/js/README.md run unchanged.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { base, publish, until } from './harness.mjs';

const here = new URL('./', import.meta.url);
const manual = readFileSync(new URL('../../../core/js/README.md', here), 'utf8');
const samples = [.../## In Node\n([^]*?)\n## /.exec(manual)[1].matchAll(/```js\n([^]*?)```/g)].map(([, text]) => text);

for (const [at, sample] of samples.entries()) {
  test(`sample ${at + 1} for Node receives a published event`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'goldcrest-sample-'));
    copyFileSync(new URL('../../../core/js/goldcrest.js', here), join(folder, 'goldcrest.mjs'));
    symlinkSync(new URL('../node_modules', here).pathname, join(folder, 'node_modules'));
    assert.ok(sample.includes('http://127.0.0.1:8080/'), sample);
    writeFileSync(join(folder, 'news.mjs'), sample.replace('http://127.0.0.1:8080/', base));
    const node = spawn(process.execPath, ['news.mjs'], { cwd: folder });
    let output = '';
    for (const stream of [node.stdout, node.stderr]) stream.on('data', (text) => (output += text));
    try {
      await until(async () => {
        assert.equal(node.exitCode, null, output);
        await publish('news', `sample ${at}`);
        return output.includes(`data: 'sample ${at}'`);
      }, () => output);
    } finally {
      node.kill();
      rmSync(folder, { recursive: true });
    }
  });
}

test('the README has two samples for Node', () => assert.equal(samples.length, 2));
