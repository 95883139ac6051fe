//! Foreign keys: KEY SHARE on the parent, actions on the children.
