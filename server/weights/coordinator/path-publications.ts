/** Versions that are published from a path: hashed here, read by each worker. */
import type { Ledger } from "../../policy/ledger.ts";
import type { Publisher } from "../publisher.ts";
import type { ContentHash } from "./content-hash.ts";
import type { Submit } from "./submissions.ts";

export function publishing(
  ledger: Pick<Ledger, "policy">,
  hash: ContentHash,
  submit: Submit,
  open: Publisher["publish"],
): Publisher["publish"] {
  return (publication) => {
    const { policy, source, label = null } = publication;
    if (!("path" in source)) return open(publication);
    return submit({
      policy,
      options: publication,
      content: async () => ({
        label,
        source,
        digest: await hash(ledger.policy(policy), source.path),
        contentOf: null,
      }),
      // Two publications without a label are two, whatever they hold.
      same: (record, { digest }) =>
        label !== null &&
        record.contentOf === null &&
        record.digest === digest &&
        record.label?.run === label.run &&
        record.label.step === label.step,
    });
  };
}
