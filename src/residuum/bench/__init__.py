"""Speed side by side: engines and training loops."""
