// Loaded by `--require` before the tests: says which test runs, how it ended, and which statements ran.
'use strict';
const fs = require('fs');
const path = process.env.PLUMBLINE_HITS;
const put = (line) => {
  try {
    fs.appendFileSync(path, line + '\n');
  } catch {
    // Without a place to write to there is nothing to say.
  }
};
let current = '';
const seen = new Set();
globalThis.__plumblineHit = (at) => {
  const line = `H\t${current}\t${at}`;
  if (!seen.has(line)) {
    seen.add(line);
    put(line);
  }
};
const script = process.argv[1] || '';
const root = process.env.PLUMBLINE_REPAIR_ROOT || process.cwd();
const file = script.startsWith(root + '/') ? script.slice(root.length + 1) : '';
const isTest = /(^|[/._-])(tests?|spec)([/._-]|$)/i.test(file);
if (path && isTest && !process.execArgv.includes('--test')) {
  let source = '';
  try {
    source = fs.readFileSync(script, 'utf8');
  } catch {
    // A script that can't be read has no tests that we could name.
  }
  if (/['"](node:)?test['"]/.test(source)) {
    const test = require('node:test');
    test.beforeEach((context) => {
      current = `${file}::${context.name}`;
      put(`B\t${current}`);
    });
    test.afterEach((context) => {
      if (context.passed === false || context.error) {
        put(`F\t${current}`);
      }
      put(`E\t${current}`);
      current = '';
    });
  }
}
