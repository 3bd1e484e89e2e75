/** "3,201". */
export const integer = (number) => Math.round(Number(number)).toLocaleString('en-US');

/** "7.7", with `digits` decimals; a missing number stays empty. */
export const decimal = (number, digits) =>
  number === ''
    ? ''
    : Number(number).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
