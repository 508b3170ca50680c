import type { Settings } from "@medley/config";
import { ANSWER_STEP, STEPS } from "@medley/storage";
import { type Command, Option } from "commander";
import { cancelRuns, pause, printStepStatus, resume, type RetryOptions, retry } from "./steps.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Gives a command the commands that look at and control the work on a corpus: status, pause, resume, retry, cancel. */
export function addStepsCommands(command: Command, settings: Settings, withJson: (command: Command) => Command): void {
  command.description("see how far the work on a corpus is, and control it");
  const corpusCommand = (name: string, description: string) =>
    withJson(command.command(name).description(description)).requiredOption("--corpus <name>", "corpus that is meant");

  corpusCommand("status", "every step in numbers, what failed and why, and what runs").action(
    (options: CorpusOptions) => printStepStatus(settings, options),
  );
  corpusCommand("pause", "hand out no further step, in any process, until resume").action((options: CorpusOptions) =>
    pause(settings, options),
  );
  corpusCommand("resume", "go on after pause").action((options: CorpusOptions) => resume(settings, options));
  corpusCommand(
    "retry",
    "open failed steps again, and those that wait for them; medley ingest or a running worker does them",
  )
    .addOption(new Option("--step <step>", "only this step").choices([...STEPS, ANSWER_STEP]))
    .option("--code <code>", "only what failed with this code, such as INVALID_IMAGE")
    .addOption(
      new Option("--class <class>", "only errors that would come again, or only those that may pass").choices([
        "permanent",
        "transient",
      ]),
    )
    .action((options: RetryOptions) => retry(settings, options));
  corpusCommand(
    "cancel",
    "stop the runs that work on the corpus now, in whatever process, and take what is open out of the work; retry brings it back",
  ).action((options: CorpusOptions) => cancelRuns(settings, options));
}
