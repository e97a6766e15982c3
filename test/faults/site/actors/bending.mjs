/** Asks for another run at first, for some jobs. */
export default ({ keys, attempt }) =>
  attempt <= Number(keys.job) % 3 ? { outcome: "retry", detail: "too hot" } : { fields: { bent: "well" } };
