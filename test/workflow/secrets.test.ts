// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { MAX_LINE_LENGTH } from '../../src/executors/process/output-lines.ts';
import { tintype } from '../support/cli.ts';
import { failureOf, folderOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

/** Of characters that mean something to regular expressions, shells, YAML, JSON and URLs. */
const SECRET = `hunter2-$&^.*[x](y){z}|\\ "q" 'r' #/?+`;
const START = 'hunter2';

describe('a secret', () => {
  test('is in the environment of every command, and in expressions', async () => {
    const { result } = await runWorkflow(
      `
secrets: { API: { env: TOKEN }, FILE: { file: secrets/key } }
tasks:
  - name: a
    type: bash
    env: { V: "\${{ secrets.API }}", W: "\${{ secrets.FILE }}" }
    command: printf %s "$API" | sha256sum; printf %s "$V" | sha256sum; printf %s "$FILE" | sha256sum; printf %s "$W" | sha256sum
    output: lines
  - { name: b, type: python, command: 'import os; print(len(os.environ["API"]))', output: json }
  - { name: c, type: node, command: 'output(process.env.FILE.length)' }
`,
      { env: { TOKEN: SECRET, OTHER: 'x' }, files: { 'secrets/key': 'line 1\nline 2\n' } },
    );
    const [api, v, file, w] = result.ctx.a as string[];
    expect(api).toBe(v);
    expect(file).toBe(w);
    expect(api).not.toBe(file);
    expect(result.ctx).toMatchObject({ b: SECRET.length, c: 'line 1\nline 2'.length });
  });

  test.for([
    ['[TOKEN]', 'The secret "TOKEN" has no value: the environment variable TOKEN is not set. Set it, or name a file.'],
    ['{ A: { env: TOKEN } }', 'The secret "A" has no value: the environment variable TOKEN is not set.'],
    ['[EMPTY]', 'The secret "EMPTY" has no value: the environment variable EMPTY is empty.'],
    ['{ A: { file: nope.txt } }', 'The secret "A" has no value: '],
    ['{ A: { file: empty.txt } }', 'is empty.'],
    ['{ A: { file: . } }', 'The secret "A" has no value: '],
    ['[constructor]', 'The secret "constructor" has no value'],
    ['[__proto__]', 'The secret "__proto__" has no value'],
    ['{ toString: null }', 'The secret "toString" has no value'],
  ] as const)('declared as %s that is nowhere is told before anything runs', async ([secrets, message]) => {
    const problems = await problemsOf(`secrets: ${secrets}\ntasks: []`, {
      env: { EMPTY: '' },
      files: { 'empty.txt': '\n' },
    });
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ SECRET_MISSING /)]);
    expect(problems[0]).toContain(message);
  });

  test.for([
    ['{ A: { env: X, file: y } }', '"env" and "file"'],
    ['{ A: x }', 'A'],
    ['[A, 5]', '5'],
    ['{ A: { en: X } }', 'Did you mean "env"?'],
  ] as const)('declared as %s is told what is wrong', async ([secrets, message]) => {
    const problems = await problemsOf(`secrets: ${secrets}\ntasks: []`, { env: { A: 'a', X: 'x' } });
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ /)]);
    expect(problems[0]).toContain(message);
  });

  test('is not read by --dry-run', async () => {
    const folder = folderOf({
      'w.yaml': "name: w\nsecrets: [NOPE]\ntasks: [{ name: a, type: bash, command: 'true' }]",
    });
    expect((await tintype(['run', join(folder, 'w.yaml'), '--dry-run'])).exitCode).toBe(0);
  });
});

describe('what a job tells', () => {
  const CHILD = `
name: child
params: { n: 5, text: "" }
secrets: [OTHER]
tasks: [{ name: say, type: bash, env: { T: "\${{ params.text }}" }, command: 'echo "$T $OTHER"; echo "$T $OTHER" >&2; exit 1' }]
`;
  const TASKS: Readonly<Record<string, string>> = {
    'what it prints': `command: 'echo "t $TOKEN"; echo "$TOKEN" >&2; exit 3'`,
    'what it prints in pieces': `command: 'for ((i = 0; i < \${#TOKEN}; i++)); do printf %s "\${TOKEN:i:1}"; done; echo; exit 3'`,
    'what it prints between escapes and bytes': `command: 'printf "\\377\\033[1m%s\\033[0m\\r\\n" "$TOKEN"'`,
    'its text': `output: text, command: 'echo "$TOKEN"'`,
    'its lines': `output: lines, command: 'echo a; echo "$TOKEN"'`,
    'its JSON, keys and values': `output: json, command: 'node -p "JSON.stringify({ k: { [process.env.TOKEN]: [process.env.TOKEN] } })"'`,
    'its file of JSON': `command: 'node -p "JSON.stringify({ file: process.env.TOKEN })" > "$TINTYPE_OUTPUT"'`,
    'what is no JSON': `output: json, command: 'echo "$TOKEN"'`,
    'what is no JSON, cut': `output: json, command: 'printf "%050d%s" 7 "$TOKEN"'`,
    'a file that is no JSON, cut': `command: 'printf "{%050d%s" 7 "$TOKEN" > "$TINTYPE_OUTPUT"'`,
    'its errors': `type: node, command: 'throw Object.assign(new Error(process.env.TOKEN), { token: process.env.TOKEN })'`,
    'errors in Python': `type: python, command: 'import os; raise Exception(os.environ["TOKEN"])'`,
    'where it can not run': `cwd: "/nope/\${{ secrets.TOKEN }}", command: 'true'`,
    'its items': `map: { over: ["\${{ secrets.TOKEN }}"] }, output: json, command: 'echo "$TINTYPE_ITEM"'`,
    'a condition that is none': `when: secrets.TOKEN, command: 'true'`,
    'a condition that fails': `when: "ctx[secrets.TOKEN] == 1", command: 'true'`,
    'a list that is none': `map: { over: "ctx[secrets.TOKEN]" }, command: 'true'`,
    'an argument without a value': `args: ["\${{ ctx[secrets.TOKEN] }}"], command: 'true'`,
    'a number that is none': `args: ["\${{ int(secrets.TOKEN) }}"], command: 'true'`,
    'a file it waits for': `type: sensor, file: "/nope/\${{ secrets.TOKEN }}", interval: 1ms, deadline: 20ms`,
    'a command it waits for': `type: sensor, command: 'echo "$TOKEN"; exit 127'`,
    'params it gives': `type: job, file: child.yaml, params: { text: "\${{ secrets.TOKEN }}" }`,
    'params it gives that are refused': `type: job, file: child.yaml, params: { n: "\${{ secrets.TOKEN }}" }`,
    'long params that are refused': `type: job, file: child.yaml, params: { n: "a long text before it, fifty characters or more: \${{ secrets.TOKEN }}" }`,
    'params without a value': `type: job, file: child.yaml, params: { n: "\${{ ctx[secrets.TOKEN] }}" }`,
  };

  test.for(Object.entries(TASKS))('holds no secret: %s', async ([, task]) => {
    const type = task.startsWith('type:') ? '' : 'type: bash, ';
    const folder = folderOf({
      'w.yaml': `
name: w
secrets: [TOKEN]
tasks:
  - { name: a, ${type}${task} }
handlers:
  always: [{ name: told, type: bash, command: 'echo "$TINTYPE_JOB_ERROR $TOKEN"; exit 1' }]
`,
      'child.yaml': CHILD,
    });
    const events = join(folder, 'events.ndjson');
    for (const options of [['--verbose'], ['--json'], ['--log-format', 'json', '--log-level', 'debug']]) {
      const { stdout, stderr } = await tintype(['run', join(folder, 'w.yaml'), '--events', events, ...options], {
        env: { TOKEN: SECRET, OTHER: 'other-secret' },
      });
      const told = { stdout, stderr, events: readFileSync(events, 'utf8') };
      for (const [where, text] of Object.entries(told)) {
        expect(text, `${where} with ${options}`).not.toContain(START.slice(0, 4));
        expect(text, `${where} with ${options}`).not.toContain('other-secret');
      }
      expect(told.events).toContain('"type":"job.transition"');
    }
  });

  test('has stars where a secret was, and the rest', async () => {
    const { result, events } = await runWorkflow(
      `secrets: [TOKEN]\ntasks: [{ name: a, type: bash, output: text, command: 'echo "<$TOKEN>"; echo "($TOKEN)" >&2' }]`,
      { env: { TOKEN: SECRET } },
    );
    expect(result.ctx.a).toBe('<***>');
    const logs = events.flatMap((event) => (event.type === 'task.log' ? [event.message] : []));
    expect(logs.sort()).toEqual(['(***)', '<***>']);
  });

  test('says how a condition failed, without what it compared', async () => {
    const run = await runWorkflow(
      "secrets: [TOKEN]\ntasks: [{ name: a, type: bash, command: 'true', when: secrets.TOKEN }]",
      { env: { TOKEN: SECRET } },
    );
    expect(failureOf(run, 'a')).toContain('"when" of task "a" is "***": expected true or false.');
  });

  test.for([
    -40, -20, -8, -1, 0, 1, 8,
  ])('holds no part of a secret that begins %i from where a line is cut', async (from) => {
    const { events } = await runWorkflow(
      `
secrets: [TOKEN]
tasks:
  - { name: a, type: bash, command: 'printf "%0${MAX_LINE_LENGTH + from}d%s" 0 "$TOKEN"; echo; printf "%0${MAX_LINE_LENGTH + from}d%s%0100000d" 0 "$TOKEN" 0; exit 1' }
`,
      { env: { TOKEN: SECRET } },
    );
    const text = JSON.stringify(events);
    for (let length = 3; length <= START.length; length++) expect(text).not.toContain(START.slice(0, length));
    expect(text).toContain('more characters)');
  });

  test.for([
    '',
    '.',
    '-+',
  ])('holds no part of the last of many secrets in a long line, with "%s" between', async (between) => {
    const { events } = await runWorkflow(
      `secrets: [TOKEN]\ntasks: [{ name: a, type: bash, args: ["${between}"], command: 'for i in {1..500}; do printf "%s%s" "$TOKEN" "$1"; done; exit 1' }]`,
      { env: { TOKEN: SECRET } },
    );
    const text = JSON.stringify(events);
    expect(text).toContain('more characters)');
    for (let length = 3; length <= START.length; length++) expect(text).not.toContain(START.slice(0, length));
  });

  test.for([
    'printf "%09000d" 0; for ((i = 0; i < ${#TOKEN}; i++)); do printf "\\033[3%dm%s\\033[0m" $((i % 8)) "${TOKEN:i:1}"; done; echo',
    'printf "%08180d" 0; for ((i = 0; i < ${#TOKEN}; i++)); do printf "%s\\033[1;38;5;121;48;5;120m\\033[0;1;4m" "${TOKEN:i:1}"; done; printf "%0100000d\\n" 0',
    'echo "token=$TOKEN" | grep --color=always hunter2',
  ])('holds no part of a coloured secret: %s', async (command) => {
    const { events } = await runWorkflow(
      `secrets: [TOKEN]\ntasks: [{ name: a, type: bash, command: ${JSON.stringify(command)} }]`,
      { env: { TOKEN: SECRET } },
    );
    const text = events.flatMap((event) =>
      event.type === 'task.log' ? [stripVTControlCharacters(event.message)] : [],
    );
    expect(text.join('')).not.toBe('');
    for (let length = 3; length <= START.length; length++) expect(text.join('')).not.toContain(START.slice(0, length));
  });

  test.for<[spelling: string, type: string, command: string]>([
    ['base64 in lines', 'bash', 'printf %s "$TOKEN$TOKEN$TOKEN" | base64'],
    ['the command, by set -x', 'bash', 'set -x; : "$TOKEN" "Bearer $TOKEN"; declare -p TOKEN; printf "%q\\n" "$TOKEN"'],
    ['the command, by sh', 'bash', 'sh -xc \': "$TOKEN"\''],
    [
      'quote, repr, JSON and base64, by Python',
      'python',
      'import os, urllib.parse as u, json, shlex, base64, html; t = os.environ["TOKEN"]; print(u.quote(t), u.quote(t, safe=""), u.quote_plus(t), repr(t), ascii(t), repr(t.encode()), json.dumps(t), json.dumps(json.dumps(t)), shlex.quote(t), base64.urlsafe_b64encode(t.encode()), html.escape(t), base64.encodebytes(t.encode()))',
    ],
    [
      'URLs, JSON and inspect, by Node.js',
      'node',
      'const t = process.env.TOKEN; console.log(encodeURI(t), encodeURIComponent(t), escape(t), String(new URLSearchParams({ t })), new URL(`http://x/${t}`).href, JSON.stringify({ t }), { t }, [[t]], Buffer.from(t).toString("base64url"), process.getBuiltinModule("node:querystring").stringify({ t }))',
    ],
  ])('holds no secret in the spelling of %s', async ([, type, command]) => {
    const { events } = await runWorkflow(
      `secrets: [TOKEN]\ntasks: [{ name: a, type: ${type}, command: ${JSON.stringify(command)} }]`,
      { env: { TOKEN: SECRET } },
    );
    const text = events.flatMap((event) => (event.type === 'task.log' ? [event.message] : [])).join('\n');
    expect(text).toContain('***');
    expect(text).not.toContain(START);
    expect(text).not.toContain(Buffer.from(SECRET).toString('base64').slice(4, 16));
  });

  describe('is taken to no other origin', () => {
    /** What comes of requests to a server that redirects `/old` to another origin of itself. */
    const redirected = async (task: string, { status = 302, secrets = '[TOKEN]', params = '{}' } = {}) => {
      const received: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
      const server = createServer((request, response) => {
        received.push({ path: request.url as string, headers: request.headers });
        // The server listens on 127.0.0.1, which localhost may mean as well.
        if (request.url !== '/old') response.end('{}');
        else response.writeHead(status, { location: `http://localhost:${port}/new` }).end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const inner = `name: inner
params: { k: none }
tasks: [{ name: a, type: http, url: "http://127.0.0.1:${port}/old", ${task} }]`;
      const { events } = await runWorkflow(
        `secrets: ${secrets}\ntasks: [{ name: in, type: job, file: in.yaml, params: ${params} }]`,
        { env: { TOKEN: SECRET }, files: { 'in.yaml': inner } },
      );
      server.close();
      return { received, text: JSON.stringify(events) };
    };
    const ofSecret = { params: '{ k: "${{ secrets.TOKEN }}" }' };

    test.for([
      ['params.k.substring(0, 3)', ''],
      ["ctx['params']['k'].substring(0, 3)", ''],
      ['item.substring(0, 3)', ', map: { over: ["${{ params.k }}"] }'],
    ])('in a header made by ${{ %s }}', async ([expression, more]) => {
      const task = `headers: { X-Part: "\${{ ${expression} }}", X-Try: "\${{ job.name }}/\${{ task.attempt }}", X-Fix: a }${more}`;
      const { received, text } = await redirected(task, ofSecret);
      expect(received).toMatchObject([
        { path: '/old', headers: { 'x-part': 'hun', 'x-try': 'inner/1', 'x-fix': 'a' } },
        { path: '/new', headers: { 'x-try': 'inner/1', 'x-fix': 'a' } },
      ]);
      expect(received[1]?.headers).not.toHaveProperty('x-part');
      expect(text).toContain('headers that may hold secrets are not sent there (x-part)');
    });

    test('in a body made of params that hold one', async () => {
      const task = 'method: post, json: { part: "${{ params.k.substring(0, 3) }}" }';
      const { received, text } = await redirected(task, { ...ofSecret, status: 307 });
      expect(received).toMatchObject([{ path: '/old' }]);
      expect(text).toContain('its body may hold a secret');
    });

    test('but a body of other params is, and all headers are if there are no secrets', async () => {
      const task = 'method: post, json: { part: "${{ params.k }}" }, headers: { X-Part: "${{ params.k }}" }';
      const others = await redirected(task, { status: 307 });
      expect(others.received.map(({ path, headers }) => path + headers['x-part'])).toEqual([
        '/oldnone',
        '/newundefined',
      ]);
      const without = await redirected(task, { status: 307, secrets: '[]' });
      expect(without.received.map(({ path, headers }) => path + headers['x-part'])).toEqual(['/oldnone', '/newnone']);
    });
  });

  test('holds no line of a secret of several lines', async () => {
    const key = '-----BEGIN KEY-----\nABCDEFGHIJKLMNOP\nqrstuvwxyz012345\n-----END KEY-----';
    const { events, result } = await runWorkflow(
      `secrets: { KEY: { file: key.pem } }\ntasks: [{ name: a, type: bash, output: lines, command: 'echo "$KEY"; echo "$KEY" | head -2 | tail -1 >&2' }]`,
      { files: { 'key.pem': `${key}\n` } },
    );
    const text = JSON.stringify([events, result.ctx]);
    for (const line of key.split('\n')) expect(text).not.toContain(line);
  });

  test('holds none of the secrets of a file that it runs, in any of its tasks', async () => {
    const { events } = await runWorkflow(
      'tasks: [{ name: child, type: job, file: child.yaml }, { name: a, type: bash, command: echo other-secret }]',
      { files: { 'child.yaml': CHILD }, env: { OTHER: 'other-secret' } },
    );
    expect(JSON.stringify(events)).not.toContain('other-secret');
  });

  test('of a secret that is a number holds it in no JSON', async () => {
    const { result } = await runWorkflow(
      `secrets: [PIN]\ntasks: [{ name: a, type: bash, output: json, command: 'echo "{\\"pin\\": $PIN, \\"n\\": 5}"' }]`,
      { env: { PIN: '739184' } },
    );
    expect(result.ctx).toEqual({ pin: '***', n: 5 });
  });
});
