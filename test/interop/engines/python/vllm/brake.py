"""`--worker-extension-cls brake.Brake`: makes an engine as slow as a test needs it, by `/collective_rpc` with the method `brake`, so
that what is to happen amid a rollout does, however fast its model and however busy the machine."""

import time


class Brake:
    """Of each worker."""

    def brake(self, seconds: float) -> None:
        """From now on each step that computes anything takes so much longer; 0: as fast as it can."""
        execute = type(self).execute_model

        def slowly(scheduler_output, *args, **kwargs):
            if scheduler_output.total_num_scheduled_tokens > 0:
                time.sleep(seconds)
            return execute(self, scheduler_output, *args, **kwargs)

        self.execute_model = slowly
