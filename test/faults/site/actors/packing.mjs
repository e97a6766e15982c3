/** Gives up on some jobs. */
export default ({ keys }) =>
  Number(keys.job) % 5 === 4 ? { outcome: "failed", detail: "no box" } : { outcome: "done" };
