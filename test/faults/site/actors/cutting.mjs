/** Takes its time, in turns of the event loop: a crash may come between. */
export default async ({ keys, attempt }) => {
  for (let turn = 0; turn < Number(keys.job) % 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  return { fields: { cut: `by run ${attempt}` } };
};
