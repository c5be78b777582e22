// What a client is to do, and how it says what came of it.

export const task = JSON.parse(process.argv.at(-1));
export const isStored = task.mode !== "stateless";
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
