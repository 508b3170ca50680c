"""The phases in their order: tokens, teacher, distil, image, final tokens, language, joint, mined. The order matters (README.md)."""
