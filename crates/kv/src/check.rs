//! `stele check`: log, tree, checkpoint, index against log.
