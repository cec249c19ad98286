import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Starts the run's one MongoDB when the first test asks for it, and ends it. */
const globalSetup = ["./libs/stack/src/vitest-global.ts"];

const project = (name: string, include: string[], more: object = {}) => ({
  test: { name, include, environment: "node" as const, ...more },
});

/**
 * One project per kind of test: `unit` has no I/O, `integration` real servers, `journeys` whole stories, `chaos` kills things.
 * Unit tests need processors: one file each. Integration tests mostly wait for their servers, so a third worker on two cores still
 * gains. Journeys and chaos start all services: one at a time, or they would measure each other.
 */
export default defineConfig({
  test: {
    projects: [
      project("unit", ["{libs,services,scripts}/**/*.test.ts"], {
        exclude: ["**/*.integration.test.ts", "**/node_modules/**"],
        maxWorkers: availableParallelism(),
        // Property tests on a busy machine; alone no test takes a second.
        testTimeout: 30_000,
      }),
      project("integration", ["{libs,services,scripts}/**/*.integration.test.ts"], {
        exclude: ["**/node_modules/**"],
        maxWorkers: Math.max(2, Math.min(6, Math.ceil(availableParallelism() * 1.5))),
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
