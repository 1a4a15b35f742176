//! Checks of submissions and declarations against catalogues and instrument profiles.
