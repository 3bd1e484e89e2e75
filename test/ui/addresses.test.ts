import './stand-ins.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { Route, Router, useParams } from 'wouter';
import { useParameters } from '../../ui/src/address/parameters.ts';
import { nameIn, useRawLocation, useRawSearch } from '../../ui/src/address/raw-location.ts';
import { jobHref, taskHref } from '../../ui/src/shell/links.tsx';

/** The job and the task that the page finds in an address. */
const readIn = (address: string, base = ''): { readonly id: string; readonly task: string | null } | undefined => {
  const { pathname, search } = new URL(base + address, 'http://localhost');
  vi.stubGlobal('location', { pathname, search });
  let read: ReturnType<typeof readIn>;
  const Page = () => {
    const { id = '' } = useParams<{ id: string }>();
    const [query] = useParameters();
    read = { id: nameIn(id), task: query.get('task') };
    return null;
  };
  const route = createElement(Route, { path: '/jobs/:id' }, createElement(Page));
  // biome-ignore lint/correctness/noChildrenProp: the types of the router want them there
  renderToString(createElement(Router, { base, hook: useRawLocation, searchHook: useRawSearch, children: route }));
  return read;
};

test.each(['', '/tin'])('below "%s", a job and a task are found whatever their names hold', (base) => {
  for (const name of ['a/b', '100%', '%2F', '%41', 'a b+c', 'q?x#y', 'a,b;c:d@e&f=g$', 'ä→🙂'])
    expect(readIn(taskHref(name, name), base)).toEqual({ id: name, task: name });
  const names = fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => !['.', '..'].includes(name));
  fc.assert(
    fc.property(names, names, (id, task) => {
      expect(readIn(taskHref(id, task), base)).toEqual({ id, task });
    }),
    { numRuns: 50 },
  );
});

test('what somebody typed wrongly is no error', () => {
  expect(readIn('/jobs/50%zz')).toEqual({ id: '50%zz', task: null });
  expect(readIn(jobHref('a'))).toEqual({ id: 'a', task: null });
});

test('the page leaves it to the server to say what stands before its addresses', () => {
  // The first of two would count.
  expect(readFileSync(join(import.meta.dirname, '../../ui/index.html'), 'utf8')).not.toContain('base-path');
});
