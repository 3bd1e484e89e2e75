import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test } from 'vitest';
import { readForm, SchemaForm } from '../../ui/src/forms/schema-form.tsx';

test('a form gives values of the types of the schema, and names what is missing', () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      count: { type: 'integer' },
      ok: { type: 'boolean' },
      size: { enum: ['s', 'm', 3] },
      tags: { type: 'array' },
    },
    required: ['name', 'count'],
  };
  expect(readForm(schema, { name: 'x', count: '3', ok: 'true', size: '3', tags: '[1]' })).toEqual({
    value: { name: 'x', count: 3, ok: true, size: 3, tags: [1] },
  });
  expect(readForm(schema, { count: '1', tags: '[' })).toEqual({
    problems: { name: 'This is required', tags: 'This is not valid JSON' },
  });
});

test('a property may have any name', () => {
  const names = ['__proto__', 'constructor', 'toString', 'a b', 'ä'];
  const schema = { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) };
  expect(readForm(schema, {})).toEqual({ value: {} });
  const html = renderToString(
    createElement(SchemaForm, { schema, texts: {}, onChange: () => undefined, onEnter: () => undefined }),
  );
  expect(html).not.toContain('function');
  expect(html.match(/value=""/g)).toHaveLength(names.length);
  const texts = Object.fromEntries(names.map((name) => [name, `of ${name}`]));
  const read = readForm(schema, texts);
  expect('value' in read && JSON.parse(JSON.stringify(Object.entries(read.value)))).toEqual(Object.entries(texts));
});

test.each([
  ['1.5', 1.5],
  ['-3', -3],
  [' 7 ', 7],
  ['1e3', 1000],
  ['9007199254740991', 9_007_199_254_740_991],
])('the number %s is read', (text, value) => {
  expect(readForm({ properties: { size: { type: 'number' } } }, { size: text })).toEqual({ value: { size: value } });
});

test.each([
  ['12 kg', 'This is not a number'],
  [' ', 'This is not a number'],
  ['1e999', 'This is not a number'],
  ['9007199254740993', 'This number is too large to be kept exactly'],
])('the number %s is refused rather than changed', (text, problem) => {
  expect(readForm({ properties: { size: { type: 'integer' } } }, { size: text })).toEqual({
    problems: { size: problem },
  });
});

test('what may be of several types is given as JSON', () => {
  const schema = { properties: { at: { type: ['string', 'number'] }, name: { type: ['string', 'null'] } } };
  expect(readForm(schema, { at: '5', name: '5' })).toEqual({ value: { at: 5, name: '5' } });
});

test('null and the empty text are given by a choice of their own, where they are allowed', () => {
  const schema = {
    type: 'object',
    properties: {
      note: { type: ['string', 'null'] },
      count: { type: ['integer', 'null'] },
      name: { type: 'string' },
      long: { type: 'string', minLength: 1 },
      other: { type: 'string' },
    },
    required: ['note', 'name', 'long'],
  };
  const html = renderToString(
    createElement(SchemaForm, { schema, texts: {}, onChange: () => undefined, onEnter: () => undefined }),
  );
  expect(html.match(/type="checkbox"\/?>[^<]*/g)?.map((one) => one.replace(/.*>/, ''))).toEqual([
    'null',
    'an empty text',
    'null',
    'an empty text',
  ]);
  expect(readForm(schema, { note: { value: null }, name: { value: '' }, long: 'x', count: { value: null } })).toEqual({
    value: { note: null, count: null, name: '', long: 'x' },
  });
});
