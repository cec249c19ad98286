import { defineConfig } from "vitest/config";

/** Starts the run's one MongoDB when the first test asks for it, and ends it. */
const globalSetup = ["./libs/stack/src/vitest-global.ts"];

const project = (name: string, include: string[], more: object = {}) => ({
  test: { name, include, environment: "node" as const, ...more },
});

/** One project per kind of test: `unit` has no I/O, `integration` real servers, `journeys` whole stories, `chaos` kills things. */
export default defineConfig({
  test: {
    projects: [
      project("unit", ["{libs,services,scripts}/**/*.test.ts"], { exclude: ["**/*.integration.test.ts", "**/node_modules/**"] }),
      project("integration", ["{libs,services,scripts}/**/*.integration.test.ts"], {
        testTimeout: 60_000,
        hookTimeout: 180_000,
        globalSetup,
      }),
      project("journeys", ["test/journeys/**/*.test.ts"], {
        testTimeout: 180_000,
        hookTimeout: 180_000,
        fileParallelism: false,
        globalSetup,
      }),
      project("chaos", ["test/chaos/**/*.test.ts"], { testTimeout: 240_000, hookTimeout: 180_000, fileParallelism: false }),
    ],
  },
});
