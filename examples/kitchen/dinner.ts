import type { StartRequest } from 'tintype/client';

/** A dinner of 13 units. `owner` says who may do a unit; the definition `call` is used for two of them. */
export const dinner: NonNullable<StartRequest['document']> = {
  name: 'dinner',
  definitions: {
    call: {
      owner: 'barker',
      output: { type: 'object', properties: { called: { type: 'string' } }, required: ['called'] },
    },
  },
  tasks: [
    {
      name: 'order',
      units: [
        { name: 'seat', owner: 'waiter', data: { table: 7, guests: 2 } },
        { name: 'note', owner: 'waiter', dependsOn: ['seat'] },
      ],
    },
    {
      name: 'starters',
      dependsOn: ['order'],
      units: [
        { name: 'soup', owner: 'cook', data: { minutes: 3 } },
        { name: 'salad', owner: 'cook', data: { minutes: 2 } },
        { name: 'call', use: 'call', dependsOn: ['soup', 'salad'], data: { course: 'starters' } },
        { name: 'serve', owner: 'waiter', dependsOn: ['call'] },
      ],
    },
    {
      name: 'mains',
      dependsOn: ['starters'],
      units: [
        { name: 'fish', owner: 'cook', data: { minutes: 5 } },
        { name: 'roast', owner: 'cook', data: { minutes: 8 } },
        { name: 'potatoes', owner: 'cook', data: { minutes: 4 } },
        { name: 'call', use: 'call', dependsOn: ['fish', 'roast', 'potatoes'], data: { course: 'mains' } },
        { name: 'serve', owner: 'waiter', dependsOn: ['call'] },
      ],
    },
    {
      name: 'farewell',
      dependsOn: ['mains'],
      units: [
        { name: 'dessert', owner: 'cook', data: { minutes: 1 } },
        { name: 'bill', owner: 'waiter', dependsOn: ['dessert'] },
      ],
    },
  ],
};
