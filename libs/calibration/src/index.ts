export { heldOutPredictions } from "./held-out.ts";
export { fitPlatt, type LabelledScore, type PlattCalibration, probabilityOf } from "./platt.ts";
export { type Prediction, type Reliability, type ReliabilityBin, reliabilityOf } from "./reliability.ts";
