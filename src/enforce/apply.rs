//! One ruleset to the kernel, in one transaction.

use serde_json::{Value as Json, json};

use crate::diag::Message;
use crate::nft::{Cut, Delta, Present, Ruleset, delta, document, of_arp, refill, table};
use crate::sys::nft::{Nft, NftError};

/// How a ruleset reached the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nothing differed; nothing was sent.
    Unchanged,
    /// What differed.
    Delta,
    /// All of it, over whatever was there.
    Refill,
}

impl Way {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Delta => "delta",
            Self::Refill => "refill",
        }
    }
}

/// What a transaction was.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// How.
    pub way: Way,
    /// Commands sent.
    pub commands: usize,
    /// Map elements added.
    pub added: usize,
    /// Map elements deleted.
    pub deleted: usize,
    /// Chains written or taken away.
    pub chains: usize,
}

/// Why a ruleset is not in the kernel. The one before still is, whole: nft's
/// transactions take effect as one or not at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EnforceError(pub NftError);

impl EnforceError {
    /// The words for people.
    pub fn message(&self) -> Message {
        self.0.message()
    }
}

/// Holds what the kernel was last seen to accept.
#[derive(Debug)]
pub struct Enforcer {
    nft: Nft,
    committed: Option<Ruleset>,
    /// True while a cut may be in the kernel beside the ruleset.
    cut: bool,
}

impl Enforcer {
    /// Nothing is known of the kernel yet: the first apply fills everything.
    pub fn new(nft: Nft) -> Self {
        Self { nft, committed: None, cut: false }
    }

    /// The ruleset in the kernel, if known.
    pub fn committed(&self) -> Option<&Ruleset> {
        self.committed.as_ref()
    }

    /// The runner, for listings.
    pub fn nft(&self) -> &Nft {
        &self.nft
    }

    /// Makes the kernel's table equal to `next`: by the difference where the
    /// committed ruleset is known, else (or where nft refuses the difference, so
    /// that something else changed the table) by emptying and filling in place.
    ///
    /// # Errors
    /// nft missing, refusing or not ending: what ran before runs on. Where it is
    /// not known whether a transaction took effect, the next apply fills anew.
    pub async fn apply(&mut self, next: &Ruleset) -> Result<Applied, EnforceError> {
        self.commit(next, &Cut::default()).await
    }

    /// [`Enforcer::apply`], with a cut in the same transaction.
    pub(super) async fn commit(&mut self, next: &Ruleset, cut: &Cut) -> Result<Applied, EnforceError> {
        if std::mem::replace(&mut self.cut, !cut.is_empty()) {
            // One was left: filling anew takes it away.
            self.committed = None;
        }
        if let Some(old) = &self.committed {
            let mut change = delta(old, next);
            change.commands.extend(cut.install());
            if change.commands.is_empty() {
                return Ok(applied(Way::Unchanged, &change));
            }
            match self.send(&change).await {
                Ok(()) => {
                    self.committed = Some(next.clone());
                    return Ok(applied(Way::Delta, &change));
                }
                Err(NftError::Refused(words)) => tracing::warn!(%words, "the difference was refused; filling anew"),
                Err(error) => return Err(EnforceError(error)),
            }
        }
        let listing = self.list_awake().await.map_err(EnforceError)?;
        let present = listing.as_ref().map(Present::from_listing).unwrap_or_default();
        let mut change = refill(&present, next);
        change.commands.extend(cut.install());
        self.send(&change).await.map_err(EnforceError)?;
        self.committed = Some(next.clone());
        Ok(applied(Way::Refill, &change))
    }

    /// Takes the cut of the last [`Enforcer::commit`] away. Where that fails the
    /// next one does it.
    pub(super) async fn take_away(&mut self, cut: &Cut) -> Result<(), NftError> {
        if !cut.is_empty() {
            self.nft.load(&document(cut.remove())).await?;
        }
        self.cut = false;
        Ok(())
    }

    async fn send(&mut self, change: &Delta) -> Result<(), NftError> {
        let sent = self.nft.load(&document(change.commands.clone())).await;
        if let Err(error) = &sent
            && !error.left_all_as_it_was()
        {
            self.committed = None;
        }
        sent
    }

    /// True if the kernel holds a table of ours that denies by default: awake, and
    /// with our base chains in place. Anything less is no gateway's ruleset.
    ///
    /// # Errors
    /// nft missing, refusing or not ending.
    pub async fn table_denies(&self) -> Result<bool, EnforceError> {
        self.list_awake().await.map(|listing| listing.as_ref().is_some_and(denies)).map_err(EnforceError)
    }

    /// The listing of our table, awake. One that somebody put to sleep
    /// (`flags dormant`) enforces nothing; added without flags it wakes. That goes
    /// apart: the kernel does not rewrite base chains that wake in the same
    /// transaction. Of the flags nft 1.0.6 prints that there are some, not which,
    /// or breaks off.
    async fn list_awake(&self) -> Result<Option<Json>, NftError> {
        match self.nft.list_terse().await {
            Ok(Some(listing)) if !flagged(&listing) => return Ok(Some(listing)),
            Ok(None) => return Ok(None),
            Ok(Some(_)) | Err(NftError::Failed(_)) => {}
            Err(error) => return Err(error),
        }
        tracing::warn!("the table has flags that zoned does not give; taking them away");
        let add = vec![json!({ "add": { "table": table() } })];
        self.nft.load(&document([add.clone(), of_arp(add)].concat())).await?;
        self.nft.list_terse().await
    }

    /// Takes our tables away: the gateway enforces nothing after this.
    ///
    /// # Errors
    /// nft missing, refusing or not ending.
    pub async fn teardown(&mut self) -> Result<(), EnforceError> {
        (self.committed, self.cut) = (None, false);
        // Added first, so that there is something to delete.
        let commands = vec![json!({ "add": { "table": table() } }), json!({ "delete": { "table": table() } })];
        let both = [commands.clone(), of_arp(commands)].concat();
        self.nft.load(&document(both)).await.map_err(EnforceError)
    }
}

fn objects(listing: &Json) -> impl Iterator<Item = &Json> {
    listing["nftables"].as_array().into_iter().flatten()
}

fn flagged(listing: &Json) -> bool {
    objects(listing).any(|object| object["table"].get("flags").is_some())
}

/// Whether a listed table drops in `forward` and `input` what it does not accept.
fn denies(listing: &Json) -> bool {
    ["forward", "input"].iter().all(|hook| {
        let mut chains = objects(listing).map(|object| &object["chain"]).filter(|chain| chain["name"] == *hook);
        chains.any(|chain| chain["hook"] == *hook && chain["policy"] == "drop")
    })
}

fn applied(way: Way, change: &Delta) -> Applied {
    Applied {
        way,
        commands: change.commands.len(),
        added: change.added,
        deleted: change.deleted,
        chains: change.chains,
    }
}
