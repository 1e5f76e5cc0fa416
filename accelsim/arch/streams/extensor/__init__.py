"""ExTensor (Hegde et al., MICRO 2019). Rules: docs/machines/extensor.md."""
