// What the playground puts in for those who have nothing at hand.

export const EXAMPLE_TOOLS = [
  {
    type: "function",
    name: "get_weather",
    description: "The weather of a place, now",
    parameters: {
      type: "object",
      properties: { place: { type: "string" } },
      required: ["place"],
      additionalProperties: false,
    },
    strict: true,
  },
];

export const EXAMPLE_SCHEMA = {
  type: "object",
  properties: { title: { type: "string" }, steps: { type: "array", items: { type: "string" } } },
  required: ["title", "steps"],
  additionalProperties: false,
};
