import { expect, test } from 'vitest';
import { piecesOf, plainText } from '../../ui/src/log/ansi.tsx';

const ESC = '\u001b[';

test('colours and decorations of a terminal become classes of the style sheet', () => {
  expect(piecesOf(`a ${ESC}1;31mred${ESC}0m b`)).toEqual([
    { text: 'a ', className: '' },
    { text: 'red', className: 'ansi-red ansi-bold' },
    { text: ' b', className: '' },
  ]);
});

test('any other colour is given by its parts', () => {
  expect(piecesOf(`${ESC}38;5;208mx`)[0]?.style).toEqual({ color: 'rgb(255,135,0)' });
  expect(piecesOf(`${ESC}38;5;244mx`)[0]?.style).toEqual({ color: 'rgb(128,128,128)' });
  expect(piecesOf(`${ESC}48;2;1;2;3mx`)[0]?.style).toEqual({ backgroundColor: 'rgb(1, 2, 3)' });
});

test('control characters and marks that turn the direction are left out, markup stays text', () => {
  expect(plainText('a\u0000b\u0007\u202ec\r<script>alert(1)</script>')).toBe('abc<script>alert(1)</script>');
});

test('a line of a million letters is read at once', () => {
  expect(plainText(`${ESC}32m${'x'.repeat(1_000_000)}`)).toHaveLength(1_000_000);
});

test('of what a terminal does besides colours, only the text is left, in one line', () => {
  expect(plainText('\u001b]0;title\u0007made \u001b]8;;javascript:alert(1)\u001b\\a link\u001b]8;;\u001b\\')).toBe(
    'made a link',
  );
  expect(plainText('\u001b(Bplain\u001b7')).toBe('(Bplain7');
  expect(plainText('Error\r\n  at one\n  at two')).toBe('Error ↵   at one ↵   at two');
});
