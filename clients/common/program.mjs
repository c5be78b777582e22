// How a program is run that asks its questions by itself.

import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { task } from "./task.mjs";

const PATIENCE_MS = 100_000;

// Runs a program of this folder's packages, and returns what it wrote. A package that needs a newer
// Node.js than the machine's brings its own, as the package `node`.
export function written(name, args, env) {
  const programs = join(import.meta.dirname, "node_modules", ".bin");
  const ended = spawnSync(join(programs, name), args, {
    env: { ...process.env, PATH: programs + delimiter + process.env.PATH, ...env },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  if (ended.error || ended.status !== 0) {
    throw new Error(`${ended.error ?? ended.status}: ${ended.stderr.slice(-500)}`);
  }
  return ended.stdout.trim();
}

// Asks each question by a run of its own, of which all but the first go on from the one before.
export const askedOneByOne = (answer) => task.questions.map((question, index) => answer(question, index > 0));
