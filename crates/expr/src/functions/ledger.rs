//! ledger.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    9001 "ledger.checkpoint" () -> Text = runtime stable;
    9002 "ledger.proof" (Text, Any) -> Text = runtime stable variadic;
    0 "ledger.proof_as_of" (Int8, Text, Any) -> Text = runtime stable variadic;
    9003 "ledger.transaction_proof" (Int8) -> Text = runtime stable;
    9004 "ledger.consistency_proof" (Int8) -> Text = runtime stable;
    9005 "ledger.history_proof" (Text, Any) -> Text = runtime stable variadic;
}
