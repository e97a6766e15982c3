import { defineConfig } from "vitest/config";

const common = { testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/cases/**"] } },
      { test: { ...common, name: "cases", include: ["test/cases/**/*.test.ts"] } },
    ],
    maxWorkers: 2,
  },
});
