/** Whether this is the long run (`npm run test:long`): more runs of each property, and the tests that take minutes. */
export const long: boolean = process.env['LONG'] === '1'
