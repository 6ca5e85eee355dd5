"""What happened at one moment: restarts, new builds, deployments that we were told of, earlier incidents."""
