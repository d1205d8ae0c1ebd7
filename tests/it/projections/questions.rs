//! What readers are told after a story.
