// Searches of the demo corpus, each with every picture of the corpus that a person would call a right answer.

export interface DemoQuery {
  readonly text: string;
  /** Folder and name without the ending. */
  readonly right: readonly string[];
}

/** As a person would type them, chosen before any result was seen; two of them were looked at closely when the order was improved. */
const CHOSEN: readonly DemoQuery[] = [
  { text: "a kitten playing with a ball of yarn", right: ["gcompris/farm-animals-cat"] },
  {
    text: "a red apple",
    right: ["fluent-3d/red-apple", "openclipart/food-fruit-apple", "openclipart/food-fruit-cartoon-apple-k-yager-01"],
  },
  {
    text: "snowy mountains",
    right: [
      "fluent-3d/snow-capped-mountain",
      ...["mountain3", "sky8", "snow0", "snow2", "snow3", "snow4", "snow6"].map((name) => `endless-sky/${name}`),
    ],
  },
  { text: "a slice of pizza", right: ["fluent-3d/pizza"] },
  { text: "a sloth hanging from a branch", right: ["fluent-3d/sloth"] },
  {
    text: "a birthday cake with candles",
    right: ["fluent-3d/birthday-cake", "openclipart/food-desserts-birthday-cake"],
  },
  { text: "a lighthouse", right: ["openclipart/buildings-homes-lighthouse-matthew-gates"] },
  {
    text: "windmills",
    right: ["", 1, 11, 12, 13, 14, 15, 2, 3, 4, 7, 8, 9].map((number) => `gcompris/renewable-windmill${number}`),
  },
  { text: "the earth from space", right: ["endless-sky/earthrise", "gcompris/solar-system-earth"] },
  {
    text: "a bicycle",
    right: [
      "fluent-3d/bicycle",
      "openclipart/transportation-bike-tobias-jakobs",
      "openclipart/transportation-vehicles-bicycle-01",
    ],
  },
];

/**
 * For ten pictures drawn at random (Mulberry32, seed 20261126, over the lines of the manifest), written from the pictures alone and
 * committed before any of them was asked.
 */
const DRAWN: readonly DemoQuery[] = [
  { text: "black t-shirt", right: ["openclipart/people-clothing-t-shirt-01"] },
  { text: "a bee", right: ["openclipart/animals-bugs-bee", "fluent-3d/honeybee"] },
  { text: "a feather", right: ["fluent-3d/feather", "openclipart/office-feather", "openclipart/education-pen-01"] },
  { text: "hot soup", right: ["openclipart/food-bowl-of-steaming-soup-01", "fluent-3d/steaming-bowl"] },
  {
    text: "chemistry flask",
    right: ["openclipart/education-chemical-science-experience-01", "openclipart/science-chemistry-flask-matthew-01"],
  },
  { text: "eight ball", right: ["fluent-3d/pool-8-ball", "openclipart/recreation-sports-8ball-nicu-buculei-01"] },
  {
    text: "an old computer",
    right: ["openclipart/computer-hardware-computer1", "openclipart/computer-hardware-computer2"],
  },
  {
    text: "a castle",
    right: [
      "fluent-3d/castle",
      ...[
        "france-chateaudechambord",
        "france-chateaudechenonceau",
        "germany-neuschwansteincastle",
        "germany-schwerinpalace",
      ].map((name) => `gcompris/monuments-${name}`),
    ],
  },
  {
    text: "a globe",
    right: ["globe-01", "svg-globe-blue", "svg-globe"].map((name) => `openclipart/geography-${name}`),
  },
  { text: "chinese takeaway box", right: ["fluent-3d/takeout-box"] },
];

export const DEMO_QUERIES = { chosen: CHOSEN, drawn: DRAWN } as const;
