// What a client is to do, and how it says what came of it.

export const task = JSON.parse(process.argv.at(-1));
// Whether the gateway is to keep what was said.
export const isStored = task.mode !== "stateless" && task.mode !== "connected";
// Whether it is told what is new alone: it keeps the rest, or its connection does.
export const isContinued = task.mode !== "stateless";
export const getWeather = ({ city }) => task.result.replace("{city}", city);

// Has the conversation with each model, and says what its questions were answered.
export async function run(converse) {
  const told = {};
  for (const model of task.models) {
    try {
      told[model] = await converse(model);
    } catch (error) {
      told[model] = `${error}`;
    }
  }
  process.stdout.write(JSON.stringify(told) + "\n");
}
