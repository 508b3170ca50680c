// The entry "@medley/inference-api/testing": a deterministic engine and the list of what every engine must do.
export { CONFORMANCE, type ConformanceCheck, type ConformanceSubject } from "./conformance.ts";
export { createFakeInference, FAKE_FINGERPRINT, fakeFingerprint, type FakeInferenceOptions } from "./fake-inference.ts";
